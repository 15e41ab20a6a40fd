"""The proof that the whole text is spoken fails if a character is missing, duplicated or moved."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.specs import ChapterPlan
from chorus.wire import RATE_HZ
from tasks.documents.model import Span
from tasks.parts.coverage import CoverageProof, digest, gaps, solid
from tasks.parts.part_files import PlacedSegment, Sidecar

TEXT = "It was so. And it was not."


def spans(*ends: tuple[int, int]) -> list[Span]:
    return [Span(start=start, end=end) for start, end in ends]


def sidecar(chapter: int, *texts: str, failed: int = -1) -> Sidecar:
    segments = tuple(
        PlacedSegment(number=n, offset=n * 100, frames=100, start=0, end=0, text=text, timings=(), failed=n == failed)
        for n, text in enumerate(texts)
    )
    frames = 100 * len(texts)
    return Sidecar(
        version=1,
        job="j",
        epoch=1,
        part=0,
        chapter=chapter,
        frames=frames,
        sha256="",
        segments=segments,
        loudness_db=(),
    )


def proof(*sidecars: Sidecar, **plans: ChapterPlan) -> CoverageProof:
    made = CoverageProof(chapters={int(name[1:]): one for name, one in plans.items()})
    for each in sidecars:
        made.read(each, RATE_HZ)
    return made


@pytest.mark.parametrize(
    ("cut", "missing"),
    [
        ([(0, 10), (11, 26)], []),
        ([(0, 9), (11, 26)], ["."]),
        ([(0, 10), (15, 26)], ["And"]),
        ([(1, 10), (11, 26)], ["I"]),
        ([(0, 10), (11, 25)], ["."]),
        ([(0, 10), (7, 26)], ["so."]),
        ([], [TEXT]),
    ],
)
def test_a_gap_and_an_overlap_are_found(cut: list[tuple[int, int]], missing: list[str]) -> None:
    assert [TEXT[gap.start : gap.end] for gap in gaps(TEXT, spans(*cut))] == missing


@given(st.lists(st.text(max_size=20), max_size=6))
def test_the_digest_does_not_depend_on_where_the_text_is_cut(texts: list[str]) -> None:
    assert digest(texts) == digest(["".join(texts)]) == digest([" \n".join(texts)])
    assert digest([*texts, "x"]) != digest(texts)
    assert not any(char.isspace() for char in solid("".join(texts)))


def test_a_book_whose_segments_hold_its_text_is_proved() -> None:
    made = proof(
        sidecar(0, "It was so.", "And it was"), sidecar(0, "not."), sidecar(1, "The end."),
        c0=ChapterPlan(title="One", sha256=digest([TEXT])), c1=ChapterPlan(title="Two", sha256=digest(["The  end."])),
    )  # fmt: skip
    assert made.as_report() == {"proved": True, "missing": [], "silent": [], "unsaid": []}


@pytest.mark.parametrize(
    "texts", [("It was so.",), ("It was so.", "And it was no."), ("And it was not.", "It was so."), ()]
)
def test_a_chapter_that_lost_doubled_or_moved_a_character_is_named(texts: tuple[str, ...]) -> None:
    made = proof(sidecar(0, *texts), c0=ChapterPlan(title="One", sha256=digest([TEXT]))).as_report()
    assert (made["proved"], made["missing"]) == (False, ["One"])


def test_a_chapter_without_any_segment_is_named() -> None:
    made = proof(
        sidecar(0, TEXT),
        c0=ChapterPlan(title="One", sha256=digest([TEXT])),
        c1=ChapterPlan(title="", sha256=digest("x")),
    )
    assert made.as_report()["missing"] == ["chapter 2"]


def test_a_failed_segment_is_reported_with_its_text_and_place() -> None:
    made = proof(
        sidecar(0, "It was so."),
        sidecar(0, "And it", "was not.", failed=1),
        c0=ChapterPlan(title="One", sha256=digest([TEXT])),
    )
    assert made.as_report() == {
        "proved": False,
        "missing": [],
        "silent": [{"segment": 1, "chapter": "One", "at_s": round(200 / RATE_HZ, 3), "text": "was not."}],
        "unsaid": [],
    }


def test_text_without_sound_is_reported() -> None:
    made = proof(sidecar(0, TEXT), c0=ChapterPlan(title="One", sha256=digest([TEXT]), unsaid=("⵰",)))
    assert made.as_report()["unsaid"] == [{"chapter": "One", "text": "⵰"}]
    assert not made.as_report()["proved"]
