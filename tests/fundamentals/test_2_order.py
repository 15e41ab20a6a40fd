"""Two: the order of speech. Several workers speak at once, so segments arrive in any order, and some of them twice."""

from chorus.reassembly import Reassembler
from chorus.wire import Chunk, Kind

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
