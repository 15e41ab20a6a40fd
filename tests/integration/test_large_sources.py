"""A document that is too large for Redis is submitted through the store."""

from pathlib import Path

import pytest
import redis

from broker.store import LocalStore, source_key
from chorus import Client
from chorus.errors import SourceError
from chorus.keys import JobKeys
from chorus.request import Request
from chorus.submission import MAX_SOURCE_BYTES, Terms
from tasks import large_sources

REQUEST = Request(name="long.txt", format="wav")
LARGE = b"It was so. " * (MAX_SOURCE_BYTES // 11 + 1)


@pytest.mark.parametrize(("source", "in_store"), [(b"It was so.", False), (LARGE, True)], ids=["small", "large"])
def test_only_documents_too_large_for_redis_are_put_into_the_store(
    client: Client, server: redis.Redis, tmp_path: Path, source: bytes, in_store: bool
) -> None:
    store = LocalStore(tmp_path)
    record = large_sources.submit(client, store, source, REQUEST, job="book", terms=Terms(priority="high"))
    assert record.store == store.id
    assert store.exists(source_key("book")) is in_store
    assert (server.get(JobKeys("book").source) is None) is in_store
    if in_store:
        assert store.read(source_key("book")) == source
        with pytest.raises(SourceError, match="up to 16 MB can be submitted"):
            client.submit(source, REQUEST)
