"""Listening with a real server: order, resuming, lost connections, and always an end or an error."""

import json
import threading
from pathlib import Path

import pytest
import redis
from hand_farm import HandFarm, pcm, pcm_of
from support import ValkeyServer, wait_until

from chorus.client import Client
from chorus.connection import connect, stream_entries
from chorus.errors import BehindError, FarmError, JobFailedError, UnknownJobError
from chorus.hearing import START, Position
from chorus.keys import JobKeys
from chorus.wire import Chunk, Kind, cut


def test_a_listener_gets_the_segments_in_order_while_they_are_made(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="a", live=True)
    farm = HandFarm(server, "a")
    heard: list[Chunk] = []
    listener = client.listen("a")
    listening = threading.Thread(target=lambda: [heard.append(chunk) for chunk in listener])
    listening.start()
    try:
        for early, late in ((1, 0), (3, 2)):
            farm.speak(early)
            farm.speak(late)
            # Nothing more is spoken until these are heard: two chunks of each.
            wait_until(lambda: len(heard) == 2 * early + 2, description=f"segments {late} and {early} are heard")  # noqa: B023
        farm.end(4)
        listening.join(timeout=30)
    finally:
        listener.give_up()
        listening.join()
    assert pcm(heard) == b"".join(map(pcm_of, range(4)))
    assert [chunk.order for chunk in heard] == [(segment, chunk) for segment in range(4) for chunk in range(2)]


def test_a_failed_segment_is_reported_in_its_place_and_listening_goes_on(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="a")
    farm = HandFarm(server, "a")
    farm.speak(2)
    farm.fail(1, "the engine returned silence")
    farm.speak(0, b"\1\0")
    farm.end(3)
    heard = list(client.listen("a"))
    assert [(chunk.kind, chunk.segment) for chunk in heard if chunk.chunk == 0] == [
        (Kind.AUDIO, 0), (Kind.FAILURE, 1), (Kind.AUDIO, 2),
    ]  # fmt: skip


def test_a_failed_job_ends_with_its_reason(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="a")
    farm = HandFarm(server, "a")
    farm.speak(0)
    farm.fail(-1, "chapter 2 cannot be read")
    listener = client.listen("a")
    assert next(listener).segment == 0
    with pytest.raises(JobFailedError, match="Job a ended without its audio: chapter 2 cannot be read"):
        list(listener)


def test_a_listener_may_stop_after_any_chunk_and_resume_elsewhere(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="a")
    farm = HandFarm(server, "a")
    for segment in (1, 0, 4, 3, 2, 5):
        farm.speak(segment)
    farm.end(6)
    position, heard = START, []
    for _ in range(12):
        listener = client.listen("a", position)
        heard.append(next(listener))
        listener.close()
        position = listener.position
    assert [chunk.order for chunk in heard] == [(segment, chunk) for segment in range(6) for chunk in range(2)]
    assert pcm(heard) == b"".join(map(pcm_of, range(6)))
    assert list(client.listen("a", position)) == []


def test_a_position_moves_past_entries_only_when_none_waits(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="a")
    farm = HandFarm(server, "a")
    ids = [farm.tell(chunk).decode() for segment in (0, 2, 1) for chunk in cut(segment, pcm_of(segment))]
    farm.end(3)
    listener = client.listen("a")
    positions = [listener.position for _ in listener]
    assert positions == [
        Position(segment=1),
        Position(last_id=ids[0], segment=2),
        Position(last_id=ids[0], segment=3),
    ]


def test_a_listener_writes_its_cursor_and_removes_it_when_it_closes(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="a")
    HandFarm(server, "a").speak(0)
    readers = JobKeys("a").readers
    listener = client.listen("a")
    next(listener)
    seconds, _ = server.time()
    (cursor,) = [json.loads(text) for text in server.hvals(readers)]
    assert cursor["segment"] == 0
    assert 0 < cursor["deadline_ms"] - seconds * 1000 <= 11_000
    assert server.ttl(readers) > 0
    listener.close()
    assert server.hlen(readers) == 0


def test_audio_that_was_freed_is_an_error_never_silence(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="a")
    farm = HandFarm(server, "a")
    farm.note(state="running", next=9)
    farm.speak(5)
    with pytest.raises(BehindError, match="from segment 0 on is no longer on its stream"):
        list(client.listen("a"))
    with client.listen("a", Position(segment=5)) as listener:
        assert next(listener).segment == 5


def test_a_job_that_disappears_ends_the_listening(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="a")
    farm = HandFarm(server, "a")
    farm.speak(0)
    listener = client.listen("a")
    assert [next(listener).segment for _ in range(2)] == [0, 0]
    server.delete(farm.keys.record)
    with pytest.raises(UnknownJobError):
        next(listener)


def test_a_fresh_run_is_not_mixed_with_the_previous_one(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="a")
    farm = HandFarm(server, "a")
    farm.speak(0)
    listener = client.listen("a")
    assert [next(listener).segment for _ in range(2)] == [0, 0]
    farm.note(epoch=2)
    with pytest.raises(FarmError, match="started afresh"):
        next(listener)


def test_a_listener_survives_lost_connections_and_a_restart_without_gap_or_repeat(tmp_path: Path) -> None:
    with (
        ValkeyServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as valkey,
        Client(valkey.url) as client,
    ):
        with connect(valkey.url) as server:
            farm = HandFarm(server, "a")
            client.submit("Hello.", job="a")
            heard: list[Chunk] = []
            listening = threading.Thread(target=lambda: heard.extend(client.listen("a")))
            listening.start()
            farm.speak(1)
            farm.speak(0)
            wait_until(lambda: server.hlen(farm.keys.readers), description="the listener said where it is")
            server.client_kill_filter(_type="normal", skipme=True)
            farm.speak(3)
            valkey.stop()
            valkey.start()
            farm.speak(2)
            farm.end(4)
            listening.join(timeout=30)
        assert pcm(heard) == b"".join(map(pcm_of, range(4)))


def test_a_stopped_listener_ends_though_audio_is_to_come(client: Client, server: redis.Redis) -> None:
    client.submit("Hello.", job="a")
    HandFarm(server, "a").speak(0)
    listener = client.listen("a")
    assert next(listener).segment == 0
    listening = threading.Thread(target=list, args=(listener,))
    listening.start()
    assert listening.is_alive()
    listener.give_up()
    listening.join(timeout=30)
    assert not listening.is_alive()


def test_a_stopped_listener_does_not_wait_for_the_server(tmp_path: Path) -> None:
    with ValkeyServer(tmp_path) as valkey, Client(valkey.url) as client:
        with connect(valkey.url) as server:
            client.submit("Hello.", job="a")
            HandFarm(server, "a").speak(0)
            listener = client.listen("a")
            assert next(listener).segment == 0
        valkey.stop()
        listener.give_up()
        assert {chunk.segment for chunk in listener} <= {0}, "nothing but what had come already"


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.keyless
def test_stream_entries_are_read_in_both_protocols_of_redis(redis_url: str, protocol: int) -> None:
    with connect(f"{redis_url}?protocol={protocol}") as server:
        assert list(stream_entries(server.xread({"s": "0"}, block=1))) == []
        entry_id = server.xadd("s", {"d": b"\0\r\n\xff"})
        assert list(stream_entries(server.xread({"s": "0"}))) == [(entry_id.decode(), {b"d": b"\0\r\n\xff"})]
