"""Rubbish on the queues of real workers: it is refused and counted, and a job behind it is spoken."""

import re
from collections.abc import Iterator

import pytest
import redis
from rubbish import RUBBISH, message, raw
from support import ValkeyServer, wait_until
from workshop import ROOT, Workshop, opened

from broker import farm_status
from broker.hints import queues_of
from chorus import set_aside
from chorus.states import State
from workers.cli.metrics import text as metrics_text

BROADCASTS = (b"rubbish", b"[" * 100_000, b"[]", b"{}", b'{"properties": {}}', raw(message() | {"body": "%%%"}))
CHANNELS = ("/0.celery.pidbox", "/0.celeryev/worker.heartbeat", "/0.celeryev/worker.elect", "/0.celeryev/task.sent")


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A farm whose user may do what docs/operations.md says, and nothing else."""
    folder = tmp_path_factory.mktemp("farm")
    with ValkeyServer(folder) as server, opened(Workshop(server.url.replace("//", "//ada:secret@"), folder)) as farm:
        with redis.Redis(port=server.port) as admin:
            admin.execute_command("ACL", "SETUSER", "ada", "on", ">secret", *rights())
        yield farm.start("desk", "voice")


def rights() -> list[str]:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    found = re.search(r"`ACL SETUSER chorus on >password ([^`]+)`", page)
    assert found
    return found[1].split()


def refused(farm: Workshop, name: str) -> float:
    worker = farm.worker(name)
    assert worker is not None, f"{name} has ended"
    return worker.counters.get("messages", {}).get("refused", 0)


def put(server: redis.Redis, queues: list[str]) -> None:
    for queue in queues:
        server.lpush(queue, *(rubbish for rubbish, _ in RUBBISH.values()))


def test_rubbish_on_every_queue_stops_no_worker(farm: Workshop) -> None:
    names = ("desk", "voice")
    before = {name: farm.pid(name) for name in names}
    queues = sorted(queues_of(farm.client.workers()))
    # One piece is a hint for a voice worker, and rubbish only elsewhere.
    expected = sum(len(RUBBISH) - queue.startswith(("chorus.live.", "chorus.bulk.")) for queue in queues)
    with redis.Redis(port=int(farm.url.rpartition(":")[2].partition("/")[0])) as server:
        put(server, queues)
        wait_until(
            lambda: sum(refused(farm, name) for name in names) >= expected,
            description="all rubbish is counted, though nothing else is done",
        )
        for channel in CHANNELS:
            for rubbish in BROADCASTS:
                server.publish(channel, rubbish)
        server.hset("unacked", mapping={"bad": b"rubbish"})
        server.zadd("unacked_index", {"bad": 1})
        put(server, queues)
        farm.client.submit("Who is telling this story?", job="behind", format="wav")
        assert farm.finished("behind").state is State.DONE
        wait_until(lambda: not server.exists(*queues), description="the queues are empty")
        aside = set_aside.read(server)
        assert aside.latest
        assert {entry.index for entry in aside.latest} <= {*queues, *CHANNELS}
        held = server.hkeys("unacked")
        assert set(held) <= {b"bad"}
        server.delete("unacked", "unacked_index")
    assert {name: farm.pid(name) for name in names} == before
    for name in names:
        assert farm.worker(name)
        log = farm.log(name).read_text("utf-8")
        assert "Traceback" not in log
        assert "waits for it" not in log
        assert "permission" not in log
        assert "is refused, the 1th: " in log
    assert 'chorus_messages_refused_total{worker="desk@test#' in metrics_text(lambda: farm_status.look(farm.url))
