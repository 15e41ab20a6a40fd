"""The tables of docs/quality.md are what the kept results say, and what it says of its own limits stays there."""

import argparse
import re
from pathlib import Path

import numpy as np
import pytest
from onnx import helper, numpy_helper

from benchmarks import cutting, distances, kernels, measure, quality_page, speaking
from benchmarks.quality_page import PAGE, PARTS, page
from workers.inference.quality import Rendering

SOUND = np.sin(2 * np.pi * 200 * np.arange(24_000) / 24_000) * np.linspace(0.1, 0.5, 24_000)


def between(name: str, text: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*)\n<!-- /{name} -->", text, re.DOTALL)
    assert found is not None, f"docs/quality.md has no place for {name}"
    return found[1]


@pytest.mark.parametrize("name", PARTS)
def test_a_table_on_the_page_is_what_was_measured(name: str) -> None:
    result = measure.load(name)
    text = between(name, PAGE.read_text("utf-8"))
    if result is None:
        assert text == "Not measured yet."
    else:
        assert PARTS[name].table(result["figures"]) in text, "benchmarks/quality_page.py makes the page"
        assert measure.origin(result) in text


def test_making_the_page_again_changes_nothing() -> None:
    text = PAGE.read_text("utf-8")
    assert page(text) == text


def test_a_page_without_a_place_for_a_part_is_refused() -> None:
    with pytest.raises(SystemExit, match="no place for listening"):
        measure.replaced("# Quality", "listening", "table")


def test_the_page_says_that_nobody_has_listened() -> None:
    assert "Nobody has listened" in PAGE.read_text("utf-8")


def test_the_prepared_graph_is_named_to_the_parts_that_compare_it() -> None:
    given = argparse.Namespace(model=Path("/m.onnx"), voices=Path("/v.bin"), graph=Path("/g.onnx"), quick=True)
    assert quality_page.words("distances", given) == ["/m.onnx", "--voices", "/v.bin", "--graph", "/g.onnx"]
    assert quality_page.words("listening", given) == ["/m.onnx", "--voices", "/v.bin", "--quick"]
    assert quality_page.words("kernels", given) == ["/m.onnx", "--voices", "/v.bin"]


# --- The parts -----------------------------------------------------------------------------------------------------


def test_the_formula_gives_a_sound_back_that_was_taken_apart() -> None:
    window = np.hanning(21)[:-1]
    padded = np.pad(SOUND, 10)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 20)[::5] * window
    assert kernels.snr_db(SOUND[:20_000], kernels.istft(np.fft.rfft(frames, axis=1).T)[:20_000]) > 200
    assert kernels.snr_db(SOUND, 0.9 * SOUND) == pytest.approx(20, abs=0.1)


def test_the_halves_of_the_spectrum_become_outputs_of_the_graph() -> None:
    kernel = numpy_helper.from_array(np.zeros((11, 1, 20), np.float32), "kernel")
    other = numpy_helper.from_array(np.zeros((8, 1, 3), np.float32), "other")
    nodes = [
        helper.make_node("ConvTranspose", [name, weights], [f"{name} out"])
        for name, weights in (("up", "other"), ("real", "kernel"), ("imaginary", "kernel"))
    ]
    graph = helper.make_graph(nodes, "g", [], [], [kernel, other])
    model = helper.make_model(graph)
    assert kernels.shown(model) == ("real", "imaginary")
    assert [one.name for one in model.graph.output] == ["real", "imaginary"]


def test_distances_are_means_over_sentences_that_have_them() -> None:
    one = Rendering(audio=SOUND, frames=(1, 2))
    louder = Rendering(audio=2 * SOUND, frames=(1, 3))
    silent = Rendering(audio=np.zeros(24_000))
    found = distances.means([one, one, silent], [one, louder, silent])
    assert found["tokens_moved"] == pytest.approx(0.25), "the third does not say its frames"
    assert found["loudness_db"] == pytest.approx(3.01, abs=0.01)
    assert "25.0%" in distances.table({"against": "x", "distances": {"louder": found}})


PHONEMES = "abc de, fg hi jklm no."


def test_a_sentence_is_cut_after_its_clause_and_between_two_words() -> None:
    assert PHONEMES[: cutting.clause_end(PHONEMES)] == "abc de,"
    assert PHONEMES[: cutting.word_end(PHONEMES)] == "abc"
    assert PHONEMES[cutting.word_start(PHONEMES, 7) : 7] == "de,"


def test_what_a_cut_does_is_read_from_the_frames_of_the_word_before_it() -> None:
    at = cutting.clause_end(PHONEMES)
    frames = (1, *(2 for _ in PHONEMES), 1)
    second = len(PHONEMES) - at - 1
    cut_frames = (1, *([2] * 4), *([3] * 3), 1, 1, *([2] * second), 1)
    whole = speaking.Spoken(audio=np.tile(SOUND, 2)[: sum(frames) * 600].astype(np.float32), frames=frames)
    first = np.tile(SOUND, 2)[: (1 + 8 + 9 + 1) * 600]
    silence = np.zeros(2400)
    audio = np.concatenate([first, silence, 2 * SOUND]).astype(np.float32)
    cut = speaking.Spoken(audio=audio, joins=(first.size + silence.size,), frames=cut_frames)
    found = cutting.joined(whole, cut, PHONEMES, at)
    assert found["word_longer"] == pytest.approx(0.5)
    assert found["gap_ms"] == pytest.approx(100, abs=3)
    assert found["longer"] == pytest.approx(audio.size / whole.audio.size - 1)
    assert found["higher_cents"] == pytest.approx(0, abs=5)
