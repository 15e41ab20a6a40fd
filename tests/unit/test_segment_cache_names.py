"""A cached segment is exactly the segment that was spoken, or it is not found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chorus.errors import FarmError
from tasks.parts.segment_cache import CachedSegment, name_of

TIMINGS = st.tuples(st.sampled_from("həˈʊ ."), st.floats(0, 1000, allow_nan=False), st.floats(0, 1000, allow_nan=False))
TAKES = st.builds(
    CachedSegment,
    pcm=st.binary(max_size=400).map(lambda data: data + data),
    timings=st.lists(TIMINGS, max_size=5).map(tuple),
)
TAKE = CachedSegment(pcm=bytes(range(256)) * 20, timings=(("h", 0.05, 0.1), ("ə", 0.1, 0.2000000001)))
MADE_WITH = {"sound": "0123456789ab", "voices_digest": "v", "voice": "af_heart", "speed": 1.0, "phonemes": "həlˈoʊ"}


@given(TAKES, st.booleans())
def test_an_entry_is_unpacked_as_it_was_packed(segment: CachedSegment, small: bool) -> None:
    assert CachedSegment.unpack(segment.pack(small=small)) == segment


@pytest.mark.parametrize("small", [True, False])
@given(data=st.data())
def test_a_single_wrong_byte_is_detected(small: bool, data: st.DataObject) -> None:
    packed = bytearray(TAKE.pack(small=small))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(FarmError, match="damaged"):
        CachedSegment.unpack(bytes(packed))


@pytest.mark.parametrize("cut", [0, 1, 64, 65, 70, -1])
def test_a_truncated_entry_is_detected(cut: int) -> None:
    with pytest.raises(FarmError, match="damaged"):
        CachedSegment.unpack(TAKE.pack(small=True)[:cut])


@pytest.mark.parametrize(
    "change",
    [
        {"sound": "ba9876543210"}, {"voices_digest": "w"}, {"voice": "af_heart*2+af_sky"}, {"speed": 1.1},
        {"phonemes": "həlˈoʊ."},
    ],
)  # fmt: skip
def test_whatever_changes_the_sound_changes_the_name(change: dict[str, object]) -> None:
    assert name_of(**MADE_WITH) == name_of(**MADE_WITH | {"speed": 1})  # type: ignore[arg-type]
    assert name_of(**MADE_WITH | change) != name_of(**MADE_WITH)  # type: ignore[arg-type]
