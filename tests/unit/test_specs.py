"""Records of the ledger survive writing and reading, also with fields of older and newer releases."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.specs import ChapterPlan, DocumentFacts, PartSpec, SegmentSpec, StoredPlace

SPEC = SegmentSpec(
    chapter=0, start=0, end=10, text="It was so.", phonemes="ɪt", pause_ms=250, characters=8, frames=24_000
)
PLACES = st.none() | st.builds(StoredPlace, part=st.integers(0), number=st.integers(0), frames=st.integers(0))
SPECS = st.builds(
    SegmentSpec,
    **{name: st.integers(0) for name in ("chapter", "start", "end", "characters", "frames")},
    **{name: st.text() for name in ("text", "phonemes", "voice")},
    **{name: st.floats(0, 1e6) for name in ("pause_ms", "g2p_ms", "rate", "lead_ms")},
    stored=PLACES,
    n=st.none() | st.integers(0),
    part=st.none() | st.integers(0),
)


@given(SPECS)
def test_a_segments_spec_survives_writing_and_reading(spec: SegmentSpec) -> None:
    assert SegmentSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    "kept",
    [
        DocumentFacts(chapters=2, characters=10, title="A", series="B #1"),
        ChapterPlan(title="One", count=3, segments=3, sha256="ab", unsaid=("⵰",)),
        ChapterPlan(),
        PartSpec(chapter=1, first=4, last=9, left=2, held=17),
    ],
)
def test_every_other_record_survives_writing_and_reading(kept: DocumentFacts | ChapterPlan | PartSpec) -> None:
    assert type(kept).from_json(kept.to_json()) == kept


def test_default_values_are_not_stored() -> None:
    assert "voice" not in json.loads(SPEC.to_json())
    assert json.loads(replace(SPEC, voice="af_sky").to_json())["voice"] == "af_sky"


def test_a_field_of_a_newer_release_is_ignored() -> None:
    assert SegmentSpec.from_json(SPEC.to_json()[:-1] + ',"whispered":true}') == SPEC


def test_an_empty_list_written_by_lua_is_read_as_a_list() -> None:
    assert ChapterPlan.from_json('{"title":"One","unsaid":{}}').unsaid == ()
