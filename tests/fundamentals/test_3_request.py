"""Three: what is asked for. A request is checked when it is made, and whatever changes the audio changes its digest."""

import pytest

from chorus import Request
from chorus.errors import OptionError


def test_the_same_wishes_for_the_same_text_are_the_same_job() -> None:
    first = Request(name="letter.txt", voice="af_heart", format="m4b").digest("Dear Ada")
    again = Request(format="m4b", name="letter.txt").digest("Dear Ada")
    assert first == again, "so the same command finds its own job, and goes on with it"
    assert Request(name="letter.txt", format="m4b", speed=1.5).digest("Dear Ada") != first
    assert Request(name="letter.txt", format="m4b").digest("Dear Bob") != first


def test_what_nobody_could_speak_is_refused_in_a_sentence() -> None:
    with pytest.raises(OptionError, match=r"Speed 9 is out of range: choose 0.25 to 4.0\."):
        Request(name="letter.txt", speed=9)
