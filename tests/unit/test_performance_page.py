"""The tables of docs/performance.md are generated from the saved results, and nothing in them is written by hand."""

import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gates, measure, memory
from benchmarks.performance import PAGE, PARTS, page

RATES = [1.0, 1.2]


def heard(*blocks: str, bits: int = 7, snr_db: float = 99.0, speed: float = 1.0) -> dict[str, Any]:
    """A set of blocks in int8."""
    return {
        "blocks": list(blocks), "convolutions": len(blocks), "bits": bits, "snr_db": snr_db, "speed": speed,
        "log_spectral_db": 1.0, "mel_cepstral_db": 0.1,
    }  # fmt: skip


FIGURES: dict[str, dict[str, Any]] = {
    "live": {
        "one sentence": {"raw_ms": [400, 420], "worker_ms": [405, 424], "first_ms": [425, 452]},
        "800 characters": {"raw_ms": [300, 320], "worker_ms": [], "first_ms": [325, 352]},
    },
    "throughput": {"slots": 2, "audio_s": RATES, "raw": [2.0, 2.2], "flac": [1.96, 2.2], "m4b": [1.8, 2.0]},
    "versus": {
        "speed": {"kokoro-onnx": [2.0, 2.0], "original": [2.2, 2.4], "fast": [3.5, 3.7]},
        "first_ms": {"create_stream()": [9000, 9000], "chorus": [600, 620]},
        "variants": {"original": "", "fast": ""},
    },
    "sweep": {
        kind: {
            str(count): {
                "first_ms": [9.0 * count], "whole_ms": [10.0 * count], "times_real_time": min(count, 2) + 0.01 * count,
            }
            for count in (1, 2, 4)
        }
        for kind in ("live", "books")
    },
    "int8": {
        "bits": 7,
        "alone": [heard("decoder", speed=1.1, snr_db=44.0), heard("resblocks", speed=1.5, snr_db=20.0)],
        "otherwise": [heard("decoder", bits=8, snr_db=40.0), heard("resblocks", bits=8, snr_db=10.0)],
        **{
            kind: [heard(), heard("decoder", speed=1.1, snr_db=44.0), heard("decoder", "resblocks", snr_db=19.0)]
            for kind in ("plain", "tiled")
        },
    },
    "start": {
        "with the stack": [{"imports": 0.9, "sessions": 1.2, "ready": 2.7}],
        "alone": [{"imports": 0.6, "sessions": 0.8, "ready": 1.6}],
    },
    "memory": {
        "workers": {"fast": {"both": {"ready": 700, "warm": 800, "peak": 1500, "after": 900}}},
        "run": {"points": [[100, 300.0], [200, 310.0], [300, 310.5], [400, 310.4]]},
    },
    "gates": {
        "ready_s": 3.1,
        "play": {"audio_s": 600.0, "stalls_s": []},
        "book": {
            "looks": [[0, 0], [10, 4], [20, 8], [30, 12], [40, 16.2]], "audio_s": 40, "wall_s": 9, "drift": 0.05,
        },
        "keep_alive": {"idle_ms": [300, 310], "kept_ms": [320, 340]},
    },
    "after_idle": {
        "minutes": 10,
        "arms": {
            "kept warm": [{"busy_ms": [400, 410], "first_ms": 420}],
            "left alone": [{"busy_ms": [400, 410], "first_ms": 520}],
        },
    },
}  # fmt: skip


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which every part was measured, with numbers of our own."""
    monkeypatch.setattr(measure, "PLOTS", tmp_path / "docs" / "plots")
    monkeypatch.setattr("benchmarks.performance.PAGE", tmp_path / "docs" / "performance.md")
    result = {"made": "2026-01-02", "machine": "2 cores", "onnxruntime": "1.31", "conditions": "small"}
    monkeypatch.setattr(measure, "load", lambda name: result | {"figures": FIGURES[name]})


def between(name: str, text: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*)\n<!-- /{name} -->", text, re.DOTALL)
    assert found is not None, f"docs/performance.md has no place for {name}"
    return found[1]


@pytest.mark.parametrize("name", PARTS)
def test_the_tables_on_the_page_match_the_results(name: str) -> None:
    result = measure.load(name)
    text = between(name, PAGE.read_text("utf-8"))
    if result is None:
        assert text == "Not measured yet."
    else:
        assert PARTS[name].table(result["figures"]) in text, ".venv/bin/python benchmarks/performance.py makes the page"
        assert result["machine"] in text


@pytest.mark.usefixtures("measured")
def test_the_page_depends_only_on_the_results_and_generating_it_again_changes_nothing(tmp_path: Path) -> None:
    once = page(PAGE.read_text("utf-8"))
    assert page(once) == once
    for name in PARTS:
        assert "2 cores; onnxruntime 1.31; small; 2026-01-02." in between(name, once)
        for plot in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", between(name, once)):
            assert (tmp_path / "docs" / plot).read_text("utf-8").startswith("<svg")


@pytest.mark.usefixtures("measured")
def test_a_goal_that_was_missed_says_so() -> None:
    tables = {name: PARTS[name].table(FIGURES[name]) for name in PARTS}
    assert "goal ≤ 30 ms" in tables["live"]
    assert "reached" in tables["live"]
    assert "0.990 | ≥ 0.97: reached" in tables["throughput"]
    assert "≥ 1.7 ×: reached" in tables["versus"]
    assert "14.8 × sooner | ≥ 10 ×: reached" in tables["versus"]
    assert "| **2.70 s** | **1.60 s** | ≤ 2.5 s: **missed** |" in tables["start"]
    assert "after ≤ 1,400: reached" in tables["memory"]
    assert re.search(
        r"memory of a voice worker.*800 MB \| \*\*missed\*\* \| with `fast`; in fp32 the 81\.8 million", tables["gates"]
    )
    assert "| +25 ms | passed |" in tables["gates"], "what keep-alive costs"
    assert "| +15 ms | passed | 10 idle minutes" in tables["gates"]
    refused = FIGURES["versus"] | {"variants": {"fast": "", "int8": "refused: 12 dB from the original"}}
    assert "Variant `int8` was refused: 12 dB from the original." in PARTS["versus"].table(refused)
    assert "decoder + resblocks | 2 | −19.0 dB: refused" in tables["int8"]
    slow = {"one sentence": {"raw_ms": [400], "worker_ms": [], "first_ms": [431]}}
    assert "**missed**" in PARTS["live"].table(slow)


def test_the_knee_is_the_smallest_number_of_requests_near_the_best_throughput() -> None:
    rows = PARTS["sweep"].table(FIGURES["sweep"]).splitlines()
    assert [row.split(" | ")[1] for row in rows if "knee" in row] == ["2", "2"]


def test_growth_at_the_beginning_only_gives_no_slope() -> None:
    settling = [(100 * at, 300.0 + min(at, 3) * 20) for at in range(1, 20)]
    assert memory.growth_mb(settling) == pytest.approx(0)
    leaking = [(100 * at, 300.0 + at) for at in range(1, 21)]
    assert memory.growth_mb(leaking) == pytest.approx(9)


def test_drift_is_the_increase_of_inference_time_per_second_of_audio() -> None:
    even = [(10.0 * at, 4.0 * at) for at in range(9)]
    assert gates.drift(even) == pytest.approx(0)
    late = [*even[:6], (60.0, 24.5), (70.0, 29.0), (80.0, 33.5)]
    assert gates.drift(late) == pytest.approx(4.5 / 4 - 1)
