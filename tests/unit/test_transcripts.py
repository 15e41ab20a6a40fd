"""Two spellings of the same spoken words are no error, and everything else is one."""

import pytest

from benchmarks.transcripts import cardinal, compare, counted, signs, words, written_words


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It's 12 o'clock.", "its twelve oclock"),
        ("2,300 people", "two thousand three hundred people"),
        ("one hundred and eighteen pages", "one hundred eighteen pages"),
        ("118 and more", "one hundred eighteen and more"),
        ("born in 1984", "born in nineteen eighty four"),
        ("in 1905, in 1900", "in nineteen o five in nineteen hundred"),
        ("in 2002", "in two thousand two"),
        ("in 2012", "in twenty twelve"),
        ("$3.50 and £1", "three dollars and fifty cents and one pound"),
        ("45% of it", "forty five per cent of it"),
        ("at 7:15 and at 7:05", "at seven fifteen and at seven o five"),
        ("the 1st, 12th and 20th", "the first twelfth and twentieth"),
        ("3.5 miles", "three point five miles"),
        ("Mr. Brown and Dr. Wilson", "mister brown and doctor wilson"),
        ("The neighbours’ grey theatre", "the neighbors gray theater"),
        ("a café", "a cafe"),
        ("“Well—yes,” he said…", "well yes he said"),
    ],
)
def test_a_text_becomes_the_words_that_are_said(written: str, said: str) -> None:
    assert words(written) == said.split()


@pytest.mark.parametrize(
    ("number", "said"), [(0, "zero"), (40, "forty"), (71, "seventy one"), (5006, "five thousand six")]
)
def test_a_number_is_spelt_out(number: int, said: str) -> None:
    assert cardinal(number) == said


@pytest.mark.parametrize(
    ("wanted", "heard", "errors"),
    [
        ("the old dog slept", "the old dog slept", 0),
        ("the old dog slept", "the dog slept", 1),
        ("the old dog slept", "the old old dog slept", 1),
        ("the old dog slept", "the old hog slept", 1),
        ("the old dog slept", "", 4),
        ("look at the water gazers", "look at the watergazers", 0),
        ("nobody came", "no body came", 0),
        ("in 1984", "in nineteen eighty-four", 0),
        ("in 1984", "in nineteen eighty-five", 1),
        ("on and on", "on on", 1),
    ],
)
def test_missing_wrong_and_doubled_words_are_counted(wanted: str, heard: str, errors: int) -> None:
    assert compare(wanted, heard).errors == errors


def test_every_word_that_was_to_be_said_counts() -> None:
    assert compare("She was born in 1984.", "").words == 7


def test_words_of_other_languages_keep_their_accents_and_lose_their_punctuation() -> None:
    assert written_words("¿Puedes cerrar — la ventana?") == ["puedes", "cerrar", "la", "ventana"]
    assert written_words("L’été, c'est") == ["l", "été", "c", "est"]
    assert counted(written_words("la mañana"), written_words("La manana.")).errors == 1


def test_letters_keep_their_marks() -> None:
    assert signs("वह है।") == list("वहहै")
