"""What benchmarks/languages.py has spoken, and how it judges."""

import pytest

from benchmarks import languages
from benchmarks.speaking import EXACT, THEIRS
from chorus.languages import LANGUAGES, for_voice


def test_every_language_that_is_spoken_with_the_locked_packages_is_heard_by_voices_of_its_own() -> None:
    assert set(languages.VOICES) == set(LANGUAGES) - {"ja", "zh"}
    assert all(for_voice(voice) == language for language, voices in languages.VOICES.items() for voice in voices)


ENOUGH = 180


@pytest.mark.parametrize("language", languages.VOICES)
def test_there_are_enough_sentences_to_see_half_a_point(language: str) -> None:
    said = " ".join(languages.texts(language))
    count = languages.compare(language, said, said)
    assert (count.errors, count.words * len(languages.VOICES[language]) >= ENOUGH) == (0, True)
    assert not any(sign.isdigit() for sign in said)


@pytest.mark.parametrize(("ours", "judged"), [(10, "passed"), (11, "passed"), (12, "**missed**")])
def test_half_a_point_more_is_allowed(ours: int, judged: str) -> None:
    found = {EXACT: {"words": 200, "errors": ours}, THEIRS: {"words": 200, "errors": 10}}
    assert judged in languages.table({"languages": {"es": found}})


def test_nothing_is_judged_where_the_recogniser_understands_nothing() -> None:
    unheard = {way: {"words": 200, "errors": 150} for way in (EXACT, THEIRS)}
    assert "cannot be judged" in languages.table({"languages": {"hi": unheard}})
