"""The law of every key: it is declared in chorus/keys.py, and it expires."""

import redis

from chorus.keys import kind_of


def check_keys(url: str) -> int:
    """How many `chorus:*` keys there are, once each was found to expire and to be what chorus/keys.py says."""
    with redis.Redis.from_url(url) as connection:
        names = sorted(connection.scan_iter("chorus:*", count=1000))
        with connection.pipeline(transaction=True) as pipe:
            for name in names:
                pipe.type(name).ttl(name)
            told = pipe.execute()
    kinds = [
        (name.decode(), kind.decode(), ttl_s) for name, kind, ttl_s in zip(names, told[::2], told[1::2], strict=True)
    ]
    # "none", -2: the key expired between the scan and the question.
    eternal = [name for name, _, ttl_s in kinds if ttl_s == -1]
    assert not eternal, f"Keys without a TTL: {', '.join(eternal)}"
    undeclared = [f"{name} ({kind})" for name, kind, _ in kinds if kind not in ("none", kind_of(name))]
    assert not undeclared, f"Keys that chorus/keys.py does not declare so: {', '.join(undeclared)}"
    return len(kinds)
