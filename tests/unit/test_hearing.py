"""The logic of one listener, without a server: whatever its reads return and wherever it is interrupted, it delivers
the job once, in order, and ends with an end or a failure. The stream is a list here, and time passes by calls of
`tick()`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chorus.errors import BehindError, ChorusError, FarmError, JobFailedError, UnknownJobError
from chorus.hearing import CURSOR_MS, START, TICK_S, Cursor, Entry, Event, Failed, Hearing, JobStatus, Position, Verdict
from chorus.reassembly import LIMIT_BYTES, ReorderError
from chorus.wire import VERSION, Chunk, Kind, WireError, encode

RUN = (b"1", b"1700000000000")
GOES_ON = JobStatus(run=RUN, freed=False)


def audio(segment: int, chunk: int = 0, chunks: int = 1) -> Chunk:
    return Chunk(
        kind=Kind.AUDIO, segment=segment, chunk=chunk, chunks=chunks, pcm=bytes([segment % 256, chunk % 256]) * 4
    )


def failure(segment: int, text: str = "no voice") -> Chunk:
    return Chunk(kind=Kind.FAILURE, segment=segment, text=text)


def mark(segment: int, text: str = "chapter") -> Chunk:
    return Chunk(kind=Kind.MARK, segment=segment, text=text)


def end(segments: int) -> Chunk:
    return Chunk(kind=Kind.END, segment=segments)


def fields(chunk: Chunk) -> dict[bytes, bytes]:
    """As the server hands them out: bytes all of them."""
    return {
        name.encode(): value if isinstance(value, bytes) else str(value).encode()
        for name, value in encode(chunk).items()
    }


def number(entry_id: str) -> tuple[int, ...]:
    return tuple(map(int, entry_id.split("-")))


def entries(*chunks: Chunk) -> list[Entry]:
    return [(f"{number}-0", fields(chunk)) for number, chunk in enumerate(chunks, start=1)]


@dataclass
class Driver:
    """Reads a stream that stands in a list, so many entries at a time as `sizes` says. A tick passes in every read."""

    stream: Sequence[Entry]
    sizes: Iterator[int]
    freed: int = 0
    """The segments before this one are no longer on the stream."""

    def read(self, last_id: str) -> list[Entry]:
        there = [entry for entry in self.stream if number(entry[0]) > number(last_id)]
        return [entry for entry in there if not self.gone(entry)][: next(self.sizes)]

    def gone(self, entry: Entry) -> bool:
        return entry[1].get(b"k") in {b"audio", b"failure"} and 0 <= int(entry[1].get(b"s", -1)) < self.freed

    def hear(self, hearing: Hearing) -> Iterator[Chunk | Failed]:
        # A read is three events at most, and at most eight of nine reads are empty.
        for _ in range(30 * len(self.stream) + 60):
            match event := hearing.next_event():
                case Chunk():
                    yield event
                case Failed():
                    yield event
                    return
                case Verdict.FINISHED:
                    return
                case Verdict.READ:
                    hearing.receive(self.read(hearing.read_id))
                    hearing.tick()
                case Verdict.CHECK:
                    hearing.check(JobStatus(run=RUN, freed=hearing.next_segment < self.freed))
                case Verdict.CURSOR:
                    assert hearing.cursor(0).segment == hearing.position.segment
        raise AssertionError("The listening did not end.")


def all_of(stream: Sequence[Entry], hearing: Hearing | None = None) -> list[Chunk | Failed]:
    return list(Driver(stream, batches([16])).hear(hearing or Hearing("a")))


def in_order(shapes: Sequence[int]) -> list[Chunk]:
    """The job in the order of speech: segments of so many chunks, failed if of none, each with a mark before it."""
    chunks: list[Chunk] = []
    for segment, count in enumerate(shapes):
        chunks += [mark(segment), *([audio(segment, at, count) for at in range(count)] or [failure(segment)])]
    return [*chunks, end(len(shapes))]


SIZES = st.lists(st.integers(0, 4), min_size=1, max_size=8).map(lambda sizes: [*sizes, 1])


def batches(sizes: Sequence[int]) -> Iterator[int]:
    while True:
        yield from sizes


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Chunk], list[Entry]]:
    """What a listener is to hear but for marks, and a stream that holds it: in any order, with redeliveries."""
    speech = in_order(draw(st.lists(st.integers(0, 3), max_size=6)))
    again = draw(st.lists(st.sampled_from(speech), max_size=4))
    return without_marks(speech[:-1]), entries(*draw(st.permutations(speech + again)))


def without_marks(heard: Sequence[Chunk | Failed]) -> list[Chunk]:
    return [chunk for chunk in heard if isinstance(chunk, Chunk) and chunk.kind is not Kind.MARK]


@given(arrivals(), SIZES)
def test_entries_in_any_batches_give_the_same_chunks(case: tuple[list[Chunk], list[Entry]], sizes: list[int]) -> None:
    speech, stream = case
    heard = list(Driver(stream, batches(sizes)).hear(Hearing("a")))
    assert without_marks(heard) == speech
    assert heard == all_of(stream)


@given(arrivals(), st.lists(st.tuples(st.integers(0, 5), SIZES), max_size=5))
def test_a_listener_broken_off_anywhere_and_resumed_gives_the_same_chunks(
    case: tuple[list[Chunk], list[Entry]], breaks: list[tuple[int, list[int]]]
) -> None:
    speech, stream = case
    heard: list[Chunk | Failed] = []
    position = START
    for count, sizes in breaks:
        hearing = Hearing("a", position)
        chunks = Driver(stream, batches(sizes)).hear(hearing)
        heard += [chunk for _, chunk in zip(range(count), chunks, strict=False)]
        position = hearing.position
    assert without_marks([*heard, *all_of(stream, Hearing("a", position))]) == speech


@given(arrivals(), SIZES, st.data())
def test_the_failure_of_the_job_ends_the_listening_with_its_reason(
    case: tuple[list[Chunk], list[Entry]], sizes: list[int], data: st.DataObject
) -> None:
    speech, stream = case
    at = data.draw(st.integers(0, len(stream)))
    stream.insert(at, (f"{at}-1", fields(failure(-1, "the disk is full"))))
    heard = list(Driver(stream, batches(sizes)).hear(Hearing("a")))
    chunks = without_marks(heard)
    assert chunks == speech[: len(chunks)]
    if isinstance(heard[-1] if heard else None, Failed):
        assert str(heard[-1].error) == "Job a ended without its audio: the disk is full."
    else:
        assert chunks == speech


@given(arrivals(), SIZES, st.data())
def test_audio_that_the_farm_has_freed_is_either_received_or_reported(
    case: tuple[list[Chunk], list[Entry]], sizes: list[int], data: st.DataObject
) -> None:
    speech, stream = case
    freed = data.draw(st.integers(0, 7), label="so many segments are freed")
    moment = data.draw(st.integers(0, len(speech)), label="once so many chunks were heard")
    driver, heard = Driver(stream, batches(sizes), freed=0 if moment else freed), list[Chunk | Failed]()
    for event in driver.hear(Hearing("a")):
        heard.append(event)
        driver.freed = freed if len(without_marks(heard)) >= moment else 0
    chunks = without_marks(heard)
    assert chunks == speech[: len(chunks)]
    if chunks != speech:
        assert isinstance(heard[-1], Failed)
        assert isinstance(heard[-1].error, BehindError)


RAW = st.dictionaries(st.sampled_from([b"v", b"k", b"s", b"c", b"n", b"x", b"d", b"t", b"?"]), st.binary(max_size=3))
ODD = st.builds(
    lambda kind, numbers: {b"v": b"1", b"k": kind, **{name: str(n).encode() for name, n in numbers.items()}},
    st.sampled_from([*(kind.value.encode() for kind in Kind), b"video"]),
    st.dictionaries(st.sampled_from([b"s", b"c", b"n"]), st.integers(-2, 3)),
)


@given(st.lists(RAW | ODD, max_size=12), SIZES)
def test_any_sequence_of_entries_ends_in_an_end_or_a_failure(odd: list[dict[bytes, bytes]], sizes: list[int]) -> None:
    stream = [(f"{number}-0", entry) for number, entry in enumerate([*odd, fields(failure(-1))], start=1)]
    hearing = Hearing("a")
    heard = list(Driver(stream, batches(sizes)).hear(hearing))
    over = hearing.next_event()
    assert over is Verdict.FINISHED or over == heard[-1]
    assert hearing.next_event() is over, "and it stays over"


# The rows of the first table, in its order: what was reported, and what the next event is.


def failed(error: type[ChorusError], hearing: Hearing) -> str:
    event = hearing.next_event()
    assert isinstance(event, Failed)
    assert type(event.error) is error
    return str(event.error)


def checked(*chunks: Chunk, position: Position = START) -> Hearing:
    """A listener past its first check and cursor, that has received these."""
    hearing = Hearing("a", position)
    assert hearing.next_event() is Verdict.CHECK
    hearing.check(GOES_ON)
    assert hearing.next_event() is Verdict.CURSOR
    assert hearing.next_event() is Verdict.READ
    hearing.receive(entries(*chunks))
    return hearing


def events(hearing: Hearing, count: int) -> list[Event]:
    return [hearing.next_event() for _ in range(count)]


def test_a_new_listener_checks_the_job_then_writes_its_cursor_then_reads() -> None:
    hearing = Hearing("a")
    assert hearing.next_event() is Verdict.CHECK
    hearing.check(GOES_ON)
    assert events(hearing, 3) == [Verdict.CURSOR, Verdict.READ, Verdict.READ]


def test_no_cursor_is_written_for_a_job_that_does_not_exist() -> None:
    hearing = Hearing("a")
    assert events(hearing, 2) == [Verdict.CHECK, Verdict.CHECK]
    hearing.check(None)
    assert failed(UnknownJobError, hearing).startswith("Job a is not known here")


def test_after_a_tick_the_cursor_comes_before_the_next_chunk_and_the_check_before_the_next_read() -> None:
    hearing = checked(audio(0), audio(1))
    assert hearing.next_event() == audio(0)
    hearing.tick()
    assert events(hearing, 4) == [Verdict.CURSOR, audio(1), Verdict.CHECK, Verdict.CHECK]
    hearing.check(GOES_ON)
    assert hearing.next_event() is Verdict.READ


def test_a_cursor_is_due_also_within_the_chunks_that_one_entry_made_ready() -> None:
    hearing = checked(audio(2), audio(1), audio(0))
    assert hearing.next_event() == audio(0)
    hearing.tick()
    assert events(hearing, 3) == [Verdict.CURSOR, audio(1), audio(2)]


def test_a_check_while_received_entries_wait_is_refused() -> None:
    hearing = checked(audio(0))
    with pytest.raises(RuntimeError, match="would call audio freed that is here"):
        hearing.check(GOES_ON)


def test_reading_goes_on_behind_the_last_entry_received() -> None:
    hearing = checked(audio(1), audio(3))
    assert hearing.read_id == "2-0"
    assert (hearing.next_event(), hearing.next_segment) == (Verdict.READ, 0)


def test_the_position_names_an_entry_only_when_no_earlier_one_waits() -> None:
    hearing = checked(audio(0), audio(2), audio(1), audio(3))
    positions = [hearing.position for _ in iter(hearing.next_event, Verdict.READ)]
    assert positions == [
        Position(segment=1),
        Position(last_id="1-0", segment=2),
        Position(last_id="1-0", segment=3),
        Position(last_id="3-0", segment=4),
    ]
    assert hearing.position == Position(last_id="4-0", segment=4)


def test_the_end_comes_after_everything_and_is_not_a_chunk() -> None:
    hearing = checked(end(2), audio(1), audio(0))
    assert events(hearing, 4) == [audio(0), audio(1), Verdict.FINISHED, Verdict.FINISHED]


def test_a_resumed_listener_that_had_everything_gets_the_end_again() -> None:
    hearing = checked(audio(0), end(1))
    assert hearing.next_event() == audio(0)
    assert checked(audio(0), end(1), position=hearing.position).next_event() is Verdict.FINISHED


def test_the_failure_of_a_segment_comes_in_its_place() -> None:
    hearing = checked(audio(2), failure(1), audio(0), end(3))
    assert events(hearing, 4) == [audio(0), failure(1), audio(2), Verdict.FINISHED]


@pytest.mark.parametrize(
    ("reason", "sentence"), [("It is gone.", "It is gone."), ("did you mean b?", "did you mean b?"), ("gone", "gone.")]
)
def test_a_reason_that_is_a_sentence_gets_no_second_full_stop(reason: str, sentence: str) -> None:
    assert failed(JobFailedError, checked(failure(-1, reason))) == f"Job a ended without its audio: {sentence}"


def test_the_failure_of_the_job_comes_before_what_waits_for_its_turn() -> None:
    hearing = checked(audio(0), audio(2), failure(-1, ""))
    assert hearing.next_event() == audio(0)
    assert failed(JobFailedError, hearing) == "Job a ended without its audio: no reason was given."
    hearing.receive(entries(audio(1)))
    assert failed(JobFailedError, hearing)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({b"v": str(VERSION + 1).encode()}, "update Chorus"),
        ({b"k": b"video"}, "not Chorus's"),
        ({b"d": b"\1\1"}, "arrived damaged"),
        ({b"c": b"4"}, "has no place in a stream"),
    ],
)
def test_an_entry_that_cannot_be_understood_ends_the_listening(change: dict[bytes, bytes], sentence: str) -> None:
    hearing = checked(audio(0))
    hearing.receive([("2-0", {**fields(audio(1)), **change})])
    assert hearing.next_event() == audio(0)
    assert sentence in failed(WireError, hearing)
    assert hearing.position == Position(last_id="1-0", segment=1), "it may go on from here with a newer Chorus"


def test_too_many_entries_waiting_for_one_segment_end_the_listening() -> None:
    large = Chunk(kind=Kind.AUDIO, segment=1, pcm=bytes(LIMIT_BYTES))
    assert "Segment 0 did not arrive" in failed(ReorderError, checked(large))


def test_a_stopped_listener_hands_out_what_it_has_and_asks_for_nothing() -> None:
    hearing = checked(audio(0), audio(1))
    hearing.tick()
    hearing.stop()
    assert events(hearing, 4) == [audio(0), audio(1), Verdict.FINISHED, Verdict.FINISHED]


def test_another_run_of_the_job_ends_the_listening() -> None:
    hearing = checked()
    hearing.tick()
    assert events(hearing, 2) == [Verdict.CURSOR, Verdict.CHECK]
    hearing.check(JobStatus(run=(b"2", RUN[1]), freed=False))
    assert "started afresh" in failed(FarmError, hearing)


def test_a_next_segment_that_was_freed_ends_the_listening() -> None:
    hearing = Hearing("a", Position(segment=3))
    hearing.check(JobStatus(run=RUN, freed=True))
    assert "from segment 3 on is no longer on its stream" in failed(BehindError, hearing)


@pytest.mark.parametrize(
    ("state", "first_not_stored", "step", "freed"),
    [
        (b"running", b"9", None, True),
        (b"done", b"9", None, True),
        (b"running", b"9", b"d", False),  # spoken, and still on the stream
        (b"running", b"3", None, False),  # not planned yet
        (b"running", None, None, False),
        (b"cancelled", b"9", None, False),  # its failure is still to be read
    ],
)
def test_a_segment_is_freed_once_the_farm_has_passed_it_and_forgotten_its_step(
    state: bytes, first_not_stored: bytes | None, step: bytes | None, freed: bool
) -> None:
    assert JobStatus.parse(3, [*RUN, state, first_not_stored], step) == JobStatus(run=RUN, freed=freed)


def test_a_job_without_a_record_does_not_exist() -> None:
    assert JobStatus.parse(0, [None] * len(JobStatus.FIELDS), b"d") is None


def test_a_cursor_holds_back_what_was_not_handed_out_for_ten_seconds() -> None:
    hearing = checked(audio(0), audio(1, 0, 2))
    assert events(hearing, 2) == [audio(0), audio(1, 0, 2)]
    assert hearing.cursor(5000) == Cursor(segment=1, deadline_ms=5000 + CURSOR_MS)
    assert Cursor.from_json(hearing.cursor(5000).to_json()) == hearing.cursor(5000)
    assert TICK_S * 1000 < CURSOR_MS / 2, "one late cursor must not make the farm forget a listener"
