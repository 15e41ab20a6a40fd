"""The Reassembler: whatever the stream does to its entries, the segments come out once and in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chorus.reassembly import ENTRY_BYTES, Place, Reassembler, ReorderError, after
from chorus.wire import Chunk, Kind, WireError


def audio(segment: int, chunk: int = 0, chunks: int = 1, pcm: bytes = b"") -> Chunk:
    return Chunk(
        kind=Kind.AUDIO, segment=segment, chunk=chunk, chunks=chunks, pcm=pcm or bytes([segment % 256, chunk % 256]) * 4
    )


def failure(segment: int, text: str = "no voice") -> Chunk:
    return Chunk(kind=Kind.FAILURE, segment=segment, text=text)


def mark(segment: int, text: str = "chapter") -> Chunk:
    return Chunk(kind=Kind.MARK, segment=segment, text=text)


def end(segments: int) -> Chunk:
    return Chunk(kind=Kind.END, segment=segments)


@st.composite
def streams(draw: st.DrawFn) -> list[Chunk]:
    """A whole stream in its true order: segments of one to four chunks, some failed, and the end."""
    shapes = draw(st.lists(st.integers(0, 4), max_size=8))
    chunks: list[Chunk] = []
    for segment, count in enumerate(shapes):
        chunks += [audio(segment, at, count) for at in range(count)] or [failure(segment)]
    return [*chunks, end(len(shapes))]


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Chunk], list[Chunk]]:
    """A stream, and its entries in any order with any of them redelivered."""
    stream = draw(streams())
    again = draw(st.lists(st.sampled_from(stream), max_size=6))
    return stream, draw(st.permutations(stream + again))


def prefix(stream: list[Chunk], seen: list[Chunk]) -> list[Chunk]:
    """What a listener may have heard at most: everything up to the first entry not seen."""
    stop = next((at for at, chunk in enumerate(stream) if chunk not in seen), len(stream))
    return stream[:stop]


@given(arrivals())
def test_after_every_push_exactly_the_complete_beginning_was_returned(case: tuple[list[Chunk], list[Chunk]]) -> None:
    stream, pushed = case
    reassembler, heard = Reassembler(), list[Chunk]()
    for count, chunk in enumerate(pushed, start=1):
        heard += reassembler.push(chunk)
        assert heard == prefix(stream, pushed[:count])
    assert reassembler.finished
    assert not reassembler.holding


@given(arrivals(), st.data())
def test_a_lost_entry_stops_the_output_before_it_and_is_named(
    case: tuple[list[Chunk], list[Chunk]], data: st.DataObject
) -> None:
    stream, pushed = case
    lost = data.draw(st.sampled_from(stream))
    reassembler = Reassembler()
    heard = [ready for chunk in pushed if chunk != lost for ready in reassembler.push(chunk)]
    assert heard == stream[: stream.index(lost)]
    assert not reassembler.finished
    if lost.kind is Kind.END:
        assert reassembler.missing() == []
    else:
        # Of a segment that is lost altogether nobody knows how many chunks it had.
        assert reassembler.missing() == [Place(*lost.order)]


@given(arrivals(), st.data())
def test_a_resumed_reader_gets_the_rest_without_gap_or_repeat(
    case: tuple[list[Chunk], list[Chunk]], data: st.DataObject
) -> None:
    stream, pushed = case
    torn = data.draw(st.integers(0, len(pushed)))
    first = Reassembler()
    heard = [ready for chunk in pushed[:torn] for ready in first.push(chunk)]
    if not first.finished:
        second = Reassembler(*first.state)
        heard += [ready for chunk in pushed for ready in second.push(chunk)]
        assert second.finished
    assert heard == stream


@given(streams(), st.data())
def test_a_reader_that_stopped_after_any_entry_resumes_right_after_it(stream: list[Chunk], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(stream) - 1))
    reassembler = Reassembler(*after(stream[at]))
    heard = [ready for chunk in data.draw(st.permutations(stream)) for ready in reassembler.push(chunk)]
    # The end is news to whoever has not been told, even if he has heard everything.
    assert heard == (stream[at + 1 :] or [stream[-1]])


@given(arrivals(), st.data())
def test_a_failure_of_the_job_is_returned_at_once_and_nothing_after_it(
    case: tuple[list[Chunk], list[Chunk]], data: st.DataObject
) -> None:
    stream, pushed = case
    at = data.draw(st.integers(0, len(pushed)))
    failed = failure(-1, "the source is empty")
    reassembler = Reassembler()
    heard = [ready for chunk in [*pushed[:at], failed, *pushed[at:]] for ready in reassembler.push(chunk)]
    before = prefix(stream, pushed[:at])
    assert heard == (before if before == stream else [*before, failed])
    assert reassembler.finished
    assert reassembler.missing() == []


def test_the_whole_buffer_step_by_step() -> None:
    reassembler = Reassembler()
    steps: list[tuple[Chunk, list[Chunk], Place, list[Place]]] = [
        (audio(1, 1, 2), [], Place(0, 0), [Place(0, 0), Place(1, 0)]),
        (audio(3), [], Place(0, 0), [Place(0, 0), Place(1, 0), Place(2, 0)]),
        (audio(0), [audio(0)], Place(1, 0), [Place(1, 0), Place(2, 0)]),
        (audio(1, 0, 2), [audio(1, 0, 2), audio(1, 1, 2)], Place(2, 0), [Place(2, 0)]),
        (audio(1, 0, 2), [], Place(2, 0), [Place(2, 0)]),
        (end(5), [], Place(2, 0), [Place(2, 0), Place(4, 0)]),
        (failure(2), [failure(2), audio(3)], Place(4, 0), [Place(4, 0)]),
        (audio(4, 0, 2), [audio(4, 0, 2)], Place(4, 1), [Place(4, 1)]),
        (audio(4, 1, 2), [audio(4, 1, 2), end(5)], Place(5, 0), []),
    ]
    for chunk, ready, state, missing in steps:
        assert (reassembler.push(chunk), reassembler.state, reassembler.missing()) == (ready, state, missing)
    assert reassembler.finished
    assert reassembler.push(audio(5)) == []


def test_of_a_segments_audio_and_failure_the_first_to_arrive_counts() -> None:
    reassembler = Reassembler()
    reassembler.push(failure(1))
    reassembler.push(audio(1))
    reassembler.push(audio(2))
    reassembler.push(failure(2))
    assert reassembler.push(audio(0)) == [audio(0), failure(1), audio(2)]


def test_a_failure_does_not_cut_short_a_segment_that_has_begun() -> None:
    reassembler = Reassembler()
    assert reassembler.push(audio(0, 0, 2)) == [audio(0, 0, 2)]
    assert reassembler.push(failure(0)) == []
    assert reassembler.push(audio(0, 1, 2)) == [audio(0, 1, 2)]


def test_a_mark_comes_right_before_its_segment_once() -> None:
    reassembler = Reassembler()
    assert reassembler.push(mark(1, "chapter 2")) == []
    assert reassembler.push(mark(1, "chapter 2")) == []
    assert reassembler.push(audio(1)) == []
    assert reassembler.push(audio(0)) == [audio(0), mark(1, "chapter 2"), audio(1)]


def test_a_mark_is_never_waited_for_and_dropped_if_it_is_late() -> None:
    reassembler = Reassembler()
    assert reassembler.push(audio(0)) == [audio(0)]
    assert reassembler.push(mark(0)) == []
    assert not reassembler.holding


def test_a_mark_after_the_last_segment_comes_before_the_end() -> None:
    reassembler = Reassembler()
    reassembler.push(mark(1, "appendix"))
    reassembler.push(audio(0))
    assert reassembler.push(end(1)) == [mark(1, "appendix"), end(1)]


def test_a_stream_of_no_segments_ends_at_once() -> None:
    assert Reassembler().push(end(0)) == [end(0)]


def test_the_number_of_waiting_entries_is_limited_and_an_error_changes_nothing() -> None:
    pcm = b"\1\2" * 500
    reassembler = Reassembler(limit_bytes=2 * (len(pcm) + ENTRY_BYTES))
    first, second, third = (audio(segment, pcm=pcm) for segment in (1, 2, 3))
    reassembler.push(first)
    reassembler.push(second)
    with pytest.raises(ReorderError, match="Segment 0 did not arrive"):
        reassembler.push(third)
    assert reassembler.push(audio(0)) == [audio(0), first, second]
    assert reassembler.push(third) == [third]


def test_marks_count_towards_the_bound_too() -> None:
    reassembler = Reassembler(limit_bytes=2 * ENTRY_BYTES)
    reassembler.push(mark(0, "a"))
    reassembler.push(mark(0, "b"))
    with pytest.raises(ReorderError):
        reassembler.push(mark(0, "c"))


def test_memory_is_freed_when_audio_is_returned() -> None:
    pcm = b"\1\2" * 500
    reassembler = Reassembler(limit_bytes=len(pcm) + 2 * ENTRY_BYTES)
    for segment in range(0, 100, 2):
        reassembler.push(mark(segment + 1))
        reassembler.push(audio(segment + 1, pcm=pcm))
        assert len(reassembler.push(audio(segment, pcm=pcm))) == 3


@pytest.mark.parametrize(
    ("before", "wrong"),
    [
        ([], audio(0, 2, 2)),
        ([], audio(0, -1, 2)),
        ([], audio(-1)),
        ([], mark(-1)),
        ([audio(1, 0, 2)], audio(1, 1, 3)),
        ([audio(0, 0, 2)], audio(0, 1, 3)),
        ([end(2)], audio(2)),
        ([end(2)], failure(2)),
        ([end(2)], end(3)),
        ([audio(4)], end(4)),
        ([audio(0), audio(1)], end(1)),
        ([audio(0, 0, 2)], end(0)),
    ],
)
def test_an_entry_that_contradicts_the_stream_is_refused_and_changes_nothing(before: list[Chunk], wrong: Chunk) -> None:
    reassembler = Reassembler()
    for chunk in before:
        reassembler.push(chunk)
    state, missing = reassembler.state, reassembler.missing()
    with pytest.raises(WireError):
        reassembler.push(wrong)
    assert (reassembler.state, reassembler.missing()) == (state, missing)
