"""Two: the order of speech. Several workers speak at once, so segments arrive in any order, and some of them twice."""

from chorus.hearing import Hearing, JobStatus, Verdict
from chorus.reassembly import Reassembler
from chorus.wire import Chunk, Kind, encode

END = Chunk(kind=Kind.END, segment=3)


def said(segment: int) -> Chunk:
    return Chunk(kind=Kind.AUDIO, segment=segment, pcm=bytes([segment, 0]))


def test_whatever_arrives_early_waits_for_its_turn() -> None:
    reassembler = Reassembler()
    assert reassembler.push(said(1)) == [], "segment 0 must be heard first"
    assert reassembler.push(END) == [], "so must all the others before the end"
    assert reassembler.push(said(0)) == [said(0), said(1)]
    assert reassembler.push(said(1)) == [], "it was heard already"
    assert reassembler.push(said(2)) == [said(2), END]
    assert reassembler.finished


def test_a_listener_goes_on_where_another_stopped() -> None:
    reassembler = Reassembler()
    reassembler.push(said(0))
    resumed = Reassembler(*reassembler.state)
    assert resumed.push(said(0)) == []
    assert resumed.push(said(1)) == [said(1)]


def test_a_listener_says_what_it_needs_until_it_has_heard_the_job() -> None:
    """Listening without a server: whoever drives a listener, with threads or with asyncio, does nothing but this."""
    stream = [(f"{number}-0", as_bytes(chunk)) for number, chunk in enumerate((said(1), said(0), END, said(2)), 1)]
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
    assert heard == [said(0), said(1), said(2)]
    assert asked == [Verdict.CHECK, Verdict.CURSOR, Verdict.READ, Verdict.READ], "first whether there is such a job"


def as_bytes(chunk: Chunk) -> dict[bytes, bytes]:
    return {
        name.encode(): value if isinstance(value, bytes) else str(value).encode()
        for name, value in encode(chunk).items()
    }
