"""The benchmarks time the first sound that a model spoke for the job: no header, silence or cached audio."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.listener import FirstSoundDetector, InvalidMeasurementError, loud, require_spoken, underruns
from benchmarks.measure import load, p95, save, verdict
from benchmarks.sample_texts import cut, prose, short_sentences
from chorus.records import JobRecord
from chorus.request import Request
from chorus.states import State
from chorus.wav import wav_file

TONE = (np.sin(np.arange(2400) / 7) * 9000).astype("<i2").tobytes()
SILENT = bytes(2400)
# What a dither leaves: 31 steps of 32,768.
WHISPER = (np.sin(np.arange(2400) / 7) * 31).astype("<i2").tobytes()


def record(**more: object) -> JobRecord:
    found: dict[str, object] = {
        "job": "j", "state": State.DONE, "request": Request(name="a.txt"), "digest": "", "created_ms": 0,
        "segments_planned": 2, "segments_done": 2, "first_audio_ms": 30, "first_audio_from": "warm",
    }  # fmt: skip
    return JobRecord(**(found | more))  # type: ignore[arg-type]


def header(folder: Path) -> bytes:
    with wav_file(folder / "a.wav") as wav:
        wav.write(TONE)
    return (folder / "a.wav").read_bytes()[: -len(TONE)]


def heard_after(*pieces: bytes) -> list[bool]:
    """Whether anything was heard, after each piece."""
    detector, found = FirstSoundDetector(0.0), []
    for second, piece in enumerate(pieces, 1):
        detector.feed(piece, float(second))
        found.append(detector.has_sound)
    return found


def test_a_header_alone_does_not_count_as_first_sound(tmp_path: Path) -> None:
    head = header(tmp_path)
    assert loud(head), "as samples a header is loud: who does not know it times it"
    assert heard_after(head) == [False]
    assert heard_after(*(head[at : at + 1] for at in range(len(head)))) == [False] * len(head)
    assert heard_after(head, SILENT, TONE) == [False, False, True]
    assert heard_after(head + TONE) == [True]


def test_silence_and_inaudible_samples_do_not_count_as_first_sound() -> None:
    assert heard_after(SILENT, WHISPER, SILENT) == [False, False, False]
    detector = FirstSoundDetector(0.0)
    detector.feed(SILENT, 1.0)
    with pytest.raises(InvalidMeasurementError, match="There was no sound"):
        detector.first_ms  # noqa: B018 - asking is what is refused


def test_the_first_sound_is_timed_when_its_first_loud_piece_arrives() -> None:
    detector = FirstSoundDetector(10.0)
    for now_s, piece in ((10.2, SILENT), (10.5, TONE), (10.9, TONE)):
        detector.feed(piece, now_s)
    assert detector.first_ms == pytest.approx(500)


def test_pieces_may_end_within_a_sample() -> None:
    quiet = b"\x01\x00" * 5
    assert heard_after(quiet[:3], quiet[3:6], quiet[6:]) == [False, False, False]


@pytest.mark.parametrize("source", ["cache", "primer"])
def test_a_job_with_cached_audio_is_not_timed(source: str) -> None:
    with pytest.raises(InvalidMeasurementError, match="came from a cache"):
        require_spoken(record(first_audio_from=source))
    with pytest.raises(InvalidMeasurementError, match=r"Audio of job j came from a cache \(1 segments\)"):
        require_spoken(record(segments_cached=1))


def test_a_failed_silent_or_incomplete_job_is_not_timed() -> None:
    for more in ({"state": State.FAILED}, {"state": State.CANCELLED}, {"segments_failed": 1}, {"first_audio_ms": None}):
        with pytest.raises(InvalidMeasurementError):
            require_spoken(record(**more))
    assert require_spoken(record()).first_audio_from == "warm"


def test_playback_stalls_if_the_next_piece_arrives_after_the_last_one_ended() -> None:
    # Pieces of one second each; playing begins with the first half second of sound, at 1.0.
    assert underruns([(1.0, 1.0), (1.9, 1.0), (2.9, 1.0)], start_s=0.5) == []
    # The third should be there at 3.0 and comes at 3.4; the fourth is in time for what that moved.
    assert underruns([(1.0, 1.0), (1.9, 1.0), (3.4, 1.0), (4.3, 1.0)], start_s=0.5) == [pytest.approx(0.4)]
    # A reader who waits for two seconds first is never caught out.
    assert underruns([(1.0, 1.0), (1.9, 1.0), (3.4, 1.0), (4.3, 1.0)], start_s=2.0) == []


def test_texts_are_the_same_everywhere_and_no_two_requests_are_alike() -> None:
    assert prose(5, 300) == prose(5, 300) != prose(6, 300)
    every = list(short_sentences())
    assert len(every) == len(set(every)) > 500
    assert len(cut(every[0], live=True)) == 1


def test_of_twenty_values_one_is_beyond_the_95th_percentile() -> None:
    assert sum(value > p95(range(20)) for value in range(20)) == 1
    assert p95([7.0]) == 7.0
    assert verdict(True) == "reached"
    assert "missed" in verdict(False)


def test_a_result_says_where_and_when_it_was_measured(tmp_path: Path) -> None:
    assert load("speed", tmp_path) is None
    path = save("speed", "small sizes", {"ms": [1, 2]}, tmp_path)
    found = json.loads(path.read_text("utf-8"))
    assert found == load("speed", tmp_path)
    assert {"made", "machine", "onnxruntime", "conditions", "figures"} == found.keys()
    assert "cores" in found["machine"]
