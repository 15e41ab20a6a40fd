"""A story goes through the whole farm, and somebody who only hears it hears all of it, once and in order.

The stand-in voice speaks and pocketsphinx hears: neither knows of segments, tokens or jobs.
"""

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from chaos.supervised import SupervisedWorkshop
from machine import Machine
from numpy.typing import NDArray
from workshop import opened, report_beside

from benchmarks.recogniser import distance, recognise, words
from chorus.states import State
from workers import standin

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed: nobody hears what is spoken")

pytestmark = pytest.mark.timeout(300)
"""The recogniser needs a third of the story's length for itself, and this machine may have other work."""

TITLES = ("The Old House", "The Long Winter")
CHAPTERS = (
    (
        "My father lived in a small house near the river.",
        "Every morning he opened the window and looked at the water.",
        "He wanted to build a boat and sail to the city.",
    ),
    (
        "Then it was very cold and the children stayed at home.",
        "My mother put some bread and cheese on the table.",
        "In the end they decided to leave the country together.",
    ),
)
STORY = "\n\n".join(
    "\n\n".join([f"# {title}", *sentences]) for title, sentences in zip(TITLES, CHAPTERS, strict=True)
).encode()
SENTENCES = [sentence for chapter in CHAPTERS for sentence in chapter]
VOICE = "am_adam"
MISHEARD = 0.4
"""Of a sentence's words, at most: two sentences of the story share far fewer."""
TITLE_S = 2.0


def test_a_story_is_heard_whole_once_and_in_order(undisturbed: Path) -> None:
    assert heard_in_order(undisturbed) == SENTENCES


def test_each_chapter_begins_with_its_title(undisturbed: Path) -> None:
    samples, rate_hz = sound(undisturbed)
    begun = [round(chapter["start_s"] * rate_hz) for chapter in report_beside(undisturbed)["chapters"]]  # type: ignore[attr-defined]
    for title, at in zip(TITLES, begun, strict=True):
        heard = [one.word for one in recognise(samples[at : at + round(TITLE_S * rate_hz)], rate_hz, fast=True)][
            : len(title.split())
        ]
        # Of three words without a sentence around them, one may be taken for another.
        assert distance(words(title), heard) <= 1, heard


def test_after_a_kill_nothing_is_missing_and_nothing_is_said_twice_as_heard(redis_url: str, tmp_path: Path) -> None:
    farm = SupervisedWorkshop(redis_url, tmp_path, model=standin.MODEL, voices=standin.VOICES)
    with opened(farm):
        farm.supervise("desk", "voice-heir")
        farm.supervise("voice", trap="broker.ledger:Ledger.commit_segment before")
        farm.client.submit(STORY, name="story.md", job="story", voice=VOICE, format="wav")
        assert farm.trapped("voice").startswith("segment")
        farm.kill("voice")
        assert farm.finished("story").state is State.DONE
        assert heard_in_order(farm.client.save("story", tmp_path / "story.wav")) == SENTENCES


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The story as a file, with its report beside it."""
    machine = Machine(tmp_path_factory.mktemp("heard"))
    (machine.folder / "story.md").write_bytes(STORY)
    made = machine.chorus("render", "story.md", "-v", VOICE, "-o", "story.wav", CHORUS_MODEL="", CHORUS_VOICES="")
    assert made.returncode == 0, made.stderr
    yield machine.folder / "story.wav"
    machine.close()


def sound(path: Path) -> tuple[NDArray[np.float32], int]:
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return samples.astype(np.float32) / 32768, file.getframerate()


def heard_in_order(path: Path) -> list[str]:
    """Every sentence of the story as often as it is heard, in the order of its being heard."""
    heard = [one.word for one in recognise(*sound(path), fast=True)]
    found = [(at, sentence) for sentence in SENTENCES for at in places(words(sentence), heard)]
    return [sentence for _, sentence in sorted(found)]


def places(wanted: list[str], heard: list[str]) -> list[int]:
    """Where in what was heard these words are, but for some misheard: the best places first, and none twice."""
    ranked = sorted((distance(wanted, heard[at : at + len(wanted)]), at) for at in range(len(heard)))
    found: list[int] = []
    for misheard, at in ranked:
        if misheard <= MISHEARD * len(wanted) and all(abs(at - one) >= len(wanted) for one in found):
            found.append(at)
    return found


def test_a_sentence_that_is_missing_said_twice_or_out_of_place_is_noticed() -> None:
    first, second, third = (words(sentence) for sentence in SENTENCES[:3])
    assert places(second, [*first, *second, *third]) == [len(first)]
    assert places(second, [*first, *third]) == []
    assert len(places(second, [*first, *second, *second, *third])) == 2
    assert len(places(second, [*first, *second[:3], "his", "door", *second[5:], *third])) == 1
