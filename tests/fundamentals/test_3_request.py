"""Three, the request: it is checked when it is made, and everything that changes the audio changes its digest."""

import pytest

from chorus import Request
from chorus.errors import OptionError


def test_the_same_text_with_the_same_options_is_the_same_job() -> None:
    first = Request(name="letter.txt", voice="af_heart", format="m4b").digest("Dear Ada")
    again = Request(format="m4b", name="letter.txt").digest("Dear Ada")
    assert first == again, "so the same command finds its job again and continues it"
    assert Request(name="letter.txt", format="m4b", speed=1.5).digest("Dear Ada") != first
    assert Request(name="letter.txt", format="m4b").digest("Dear Bob") != first


def test_an_option_out_of_range_is_refused_with_the_range() -> None:
    with pytest.raises(OptionError, match=r"Speed 9 is out of range: choose 0.25 to 4.0\."):
        Request(name="letter.txt", speed=9)
