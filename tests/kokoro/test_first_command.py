"""A newcomer's first command speaks Kokoro: fetched without a question, built, repaired, and named in the report."""

import hashlib
import json
import shutil

import numpy as np
import pytest
import soundfile
from conftest import FirstCommand
from support import wait_until

from broker import farm_status
from chorus.wire import RATE_HZ
from tasks.engine import Utterance
from workers.inference.lane_session import LaneSession
from workers.inference.lanes import Lane
from workers.inference.quality import Rendering, compare
from workers.models import resolving, voicebank
from workers.models.published import VOICES, WEIGHTS_OF_8_BITS

PHONEMES = "nˈoʊbɑːdi nˈuː hˌuː hæd lˈɪt ðə lˈæmp."
PATIENCE_S = 1500


def bands_db(audio: np.ndarray) -> tuple[float, float]:
    """How much louder or softer 1 to 4 and 4 to 8 kHz are than what lies below 600 Hz."""
    power = np.abs(np.fft.rfft(audio)) ** 2
    at_hz = np.fft.rfftfreq(audio.size, 1 / RATE_HZ)

    def level(low: float, high: float) -> float:
        return float(10 * np.log10(power[(at_hz >= low) & (at_hz < high)].mean()))

    return level(1000, 4000) - level(50, 600), level(4000, 8000) - level(50, 600)


def test_it_says_what_it_fetches_before_it_does_and_asks_nothing(first: FirstCommand) -> None:
    assert "Fetching Kokoro's voice, once" in first.complained
    assert " MB, Apache-2.0" in first.complained
    assert "stand-in" not in first.said + first.complained


def test_the_files_are_the_pinned_ones(first: FirstCommand) -> None:
    model = resolving.resolve(first.machine.settings)
    assert model.origin == WEIGHTS_OF_8_BITS.sha256
    assert hashlib.sha256(model.path.read_bytes()).hexdigest() == WEIGHTS_OF_8_BITS.sha256
    if model.voices_path.name == VOICES.file:
        assert model.voices_digest == VOICES.sha256


def test_the_book_is_speech_of_the_length_that_its_words_take(first: FirstCommand) -> None:
    audio, rate_hz = soundfile.read(first.book, dtype="float32")
    assert rate_hz == RATE_HZ
    assert 11 < audio.size / rate_hz < 30, "forty words and their pauses"
    assert 0.1 < np.abs(audio).max() < 1
    loud = np.abs(audio) > 0.02
    assert 0.1 < loud.mean() < 0.8


def test_the_report_names_the_model_and_its_repair(first: FirstCommand) -> None:
    report = json.loads(first.book.with_name("story.wav.report.json").read_text("utf-8"))
    assert report["model"] == WEIGHTS_OF_8_BITS.name
    assert "the exact inverse transform" in report["variant"]
    assert "older int8 release" in report["model_source"]
    assert report["remarks"] == []
    assert report["characters"]["proved"]


def test_the_repaired_voice_is_three_decibels_brighter_and_takes_as_long(first: FirstCommand) -> None:
    settings = first.machine.settings
    spoken = {}
    for inverse in ("exact", "as-is"):
        farm = settings.model_copy(update={"inverse": inverse, "variant": "plain"})
        model = resolving.resolve(farm)
        lane = Lane("test", slots=1, lowered=False)
        style = voicebank.style(voicebank.load(model.voices_path), "jm_kumo")
        session = LaneSession(lane, model, threads=2)
        spoken[inverse] = session.speak(Utterance(phonemes=PHONEMES, voice="jm_kumo"), style)
        lane.close()
    assert spoken["exact"].timings == spoken["as-is"].timings
    brighter = np.subtract(bands_db(spoken["exact"].audio), bands_db(spoken["as-is"].audio))
    assert (brighter > 2).all()
    assert (brighter < 5).all()


def test_it_is_prepared_while_it_speaks_and_sounds_the_same_after(first: FirstCommand) -> None:
    machine = first.machine
    before, _ = soundfile.read(first.book, dtype="float32")
    up = machine.chorus("up")
    assert up.returncode == 0, up.stderr

    def variant() -> str:
        return next((one.variant for one in farm_status.look(machine.url()).workers if one.variant), "")

    wait_until(lambda: variant() not in ("", "plain"), description="the prepared graph speaks", timeout_s=PATIENCE_S)
    again = first.book.with_name("again.wav")
    rendered = machine.chorus("render", first.story, "-o", again, "--fresh")
    assert rendered.returncode == 0, rendered.stderr
    after, _ = soundfile.read(again, dtype="float32")
    assert after.size == before.size, "no token lasts longer or shorter"
    distance_db = compare(Rendering(audio=before), Rendering(audio=after)).log_spectral_db
    assert distance_db is not None
    assert distance_db < 3, "no further than two runs of a Kokoro with random noise"
    assert machine.chorus("down").returncode == 0


def test_whoever_asks_for_the_same_samples_gets_them_from_the_first_command_on(first: FirstCommand) -> None:
    machine, made = first.machine, []
    shutil.rmtree(machine.home / "models" / "prepared")
    for name in ("one.wav", "two.wav"):
        book = first.book.with_name(name)
        rendering = machine.start("render", first.story, "-o", book, "--fresh", "--repeatable")
        _, complained = rendering.communicate(timeout=PATIENCE_S)
        assert rendering.returncode == 0, complained
        made.append(book.read_bytes())
        told = json.loads(book.with_name(f"{name}.report.json").read_text())
        assert told["variant"] not in ("", "plain"), "it waited for the graph that stays"
    assert made[0] == made[1]


@pytest.mark.parametrize("word", ["kokoro-v1.0-w8", "Kokoro v1.0, weights of 8 bits", "older int8 release"])
def test_the_list_of_models_says_where_it_comes_from(first: FirstCommand, word: str) -> None:
    assert word in first.machine.chorus("models", "list").stdout
