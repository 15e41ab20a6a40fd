"""Captions have the times of their words, in the last chapter as exactly as in the first."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chorus.errors import OptionError
from tasks.parts.captions import captions, cues
from tasks.parts.part_files import PlacedSegment, Sidecar


def sidecar(*lengths: int, text: str = "word") -> Sidecar:
    offsets = [sum(lengths[:at]) for at in range(len(lengths))]
    segments = tuple(
        PlacedSegment(number=n, offset=o, frames=f, start=0, end=1, text=text, timings=(), failed=False)
        for n, (o, f) in enumerate(zip(offsets, lengths, strict=True))
    )
    frames = sum(lengths)
    return Sidecar(
        version=1, job="j", epoch=1, part=0, chapter=0, frames=frames, sha256="", segments=segments, loudness_db=()
    )


def test_srt_has_the_format_that_players_read() -> None:
    assert captions([sidecar(24_000, 36_012), sidecar(90_000_000)], "srt") == (
        "1\n00:00:00,000 --> 00:00:01,000\nword\n\n"
        "2\n00:00:01,000 --> 00:00:02,501\nword\n\n"
        "3\n00:00:02,501 --> 01:02:32,501\nword\n\n"
    )


def test_webvtt_has_the_format_that_browsers_read() -> None:
    text = "Tom & Jerry\n\n<i>a</i> --> b"
    assert captions([sidecar(24_000, text=text)], "vtt") == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nTom &amp; Jerry &lt;i&gt;a&lt;/i&gt; --&gt; b\n\n"
    )


def test_a_heading_that_shares_a_segment_with_its_text_has_its_own_cue() -> None:
    (cue,) = cues([sidecar(24_000, text="Chapter 1\n\nThe tide\ncame in.")])
    assert cue.text == "Chapter 1\nThe tide came in."


@given(st.lists(st.lists(st.integers(24, 500_000), min_size=1, max_size=5), max_size=20))
def test_cues_stay_exact_to_the_end_of_a_long_book(parts: list[list[int]]) -> None:
    made = list(cues(sidecar(*lengths) for lengths in parts))
    heard = 0
    for cue, frames in zip(made, (frames for lengths in parts for frames in lengths), strict=True):
        assert abs(cue.start_ms - heard / 24) <= 0.5
        heard += frames
        assert abs(cue.end_ms - heard / 24) <= 0.5
    assert all(a.end_ms == b.start_ms for a, b in itertools.pairwise(made))


def test_empty_text_and_zero_duration_have_no_cue() -> None:
    assert list(cues([sidecar(24_000, text=" \n "), sidecar(0), sidecar(3)])) == []


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_text_that_looks_like_an_arrow_does_not_end_a_cue(gap: str) -> None:
    made = captions([sidecar(24_000, text=f"one\n\n2{gap}00:00:09,000 --> 00:00:10,000{gap}two")], "srt")
    assert len(re.findall(r"^\d+$", made, flags=re.MULTILINE)) == 1


def test_an_unknown_format_is_refused_and_the_known_ones_are_listed() -> None:
    with pytest.raises(OptionError, match="'ass' is unknown: choose srt or vtt"):
        captions([], "ass")  # type: ignore[arg-type]
