"""Two, the order of speech: several workers speak at once, so segments arrive in any order, and some of them twice."""

from chorus.hearing import Hearing, JobStatus, Verdict
from chorus.reassembly import Reassembler
from chorus.wire import Chunk, Kind, encode

END = Chunk(kind=Kind.END, segment=3)


def audio(segment: int) -> Chunk:
    return Chunk(kind=Kind.AUDIO, segment=segment, pcm=bytes([segment, 0]))


def test_a_segment_that_arrives_early_is_held_until_its_turn() -> None:
    reassembler = Reassembler()
    assert reassembler.push(audio(1)) == [], "segment 0 comes first"
    assert reassembler.push(END) == [], "the end comes after all segments"
    assert reassembler.push(audio(0)) == [audio(0), audio(1)]
    assert reassembler.push(audio(1)) == [], "it was handed out before"
    assert reassembler.push(audio(2)) == [audio(2), END]
    assert reassembler.finished


def test_a_listener_continues_from_the_position_where_another_one_stopped() -> None:
    reassembler = Reassembler()
    reassembler.push(audio(0))
    resumed = Reassembler(*reassembler.state)
    assert resumed.push(audio(0)) == []
    assert resumed.push(audio(1)) == [audio(1)]


def test_the_listening_core_asks_for_each_server_call_until_the_job_is_heard() -> None:
    """Listening without a server. A driver, with threads or with asyncio, does nothing but answer these requests."""
    stream = [(f"{number}-0", as_bytes(chunk)) for number, chunk in enumerate((audio(1), audio(0), END, audio(2)), 1)]
    hearing, heard = Hearing("a-job"), list[Chunk]()
    asked: list[Verdict] = []
    while (event := hearing.next_event()) is not Verdict.FINISHED:
        if isinstance(event, Chunk):
            heard.append(event)
        elif isinstance(event, Verdict):
            asked.append(event)
        if event is Verdict.CHECK:
            hearing.check(JobStatus(run=(b"1", b"0"), freed=False))
        elif event is Verdict.READ:
            hearing.receive([entry for entry in stream if entry[0] > hearing.read_id][:2])
    assert heard == [audio(0), audio(1), audio(2)]
    assert asked == [Verdict.CHECK, Verdict.CURSOR, Verdict.READ, Verdict.READ], (
        "the first request is whether the job exists"
    )


def as_bytes(chunk: Chunk) -> dict[bytes, bytes]:
    return {
        name.encode(): value if isinstance(value, bytes) else str(value).encode()
        for name, value in encode(chunk).items()
    }
