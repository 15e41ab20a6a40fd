"""Makes tables of the figures of benchmarks/listening.py. Knows neither voices nor the recogniser."""

from collections.abc import Sequence
from typing import Any

from benchmarks import measure
from benchmarks.speaking import PREPARED


def table(figures: dict[str, Any]) -> str:
    """As on the page."""
    return "\n\n".join((sizes(figures), errors(figures), speeds(figures), faults(figures), misheard(figures)))


def sizes(figures: dict[str, Any]) -> str:
    """How much was heard."""
    return (
        f"{figures['sentences']} sentences of {figures['words']} words by {len(figures['voices'])} voices "
        f"({', '.join(figures['voices'])})."
    )


def errors(figures: dict[str, Any]) -> str:
    """Word errors by voice and by kind of text."""
    voices = figures["voices"]
    groups = list(dict.fromkeys(one["group"] for one in figures["by_group"]))
    body = []
    for model, way in dict.fromkeys((one["model"], one["way"]) for one in figures["by_voice"]):
        of_voice = {one["voice"]: one for one in figures["by_voice"] if (one["model"], one["way"]) == (model, way)}
        of_group = {one["group"]: one for one in figures["by_group"] if (one["model"], one["way"]) == (model, way)}
        both = [share([*of_voice.values()]), *(share([of_voice[one]]) for one in voices)]
        body.append([named(model), way, *both, *(share([of_group[one]]) for one in groups)])
    return measure.rows(["file", "spoken with", "all", *voices, *groups], body)


def speeds(figures: dict[str, Any]) -> str:
    """Word errors of easy sentences by speed, of the first voice."""
    steps = sorted({one["speed"] for one in figures["by_speed"]})
    body = []
    for model, way in dict.fromkeys((one["model"], one["way"]) for one in figures["by_speed"]):
        of_speed = {one["speed"]: one for one in figures["by_speed"] if (one["model"], one["way"]) == (model, way)}
        if len(of_speed) > 1:
            body.append([named(model), way, *(share([of_speed[one]]) for one in steps)])
    return measure.rows(["file", "spoken with", *(f"speed {one:g}" for one in steps)], body)


def faults(figures: dict[str, Any]) -> str:
    """The signal measures that a recogniser knows nothing of."""
    heads = ["file", "spoken with", "level", "peak", "flat tops", "offset", "floor", "dropouts", "pitch leaps"]
    heads += ["head / tail", "end", "step at joins", "2-8 kHz", "8-11 kHz"]
    body = [
        [
            *(named(one["model"]), one["way"], decibels(one["level_db"]), f"{one['peak']:.2f}", f"{one['flat']:.3%}"),
            *(f"{one['dc']:.4f}", decibels(one["floor_db"]), f"{one['dropouts']:g}", f"{one['jumps']:.1%}"),
            *(f"{one['head_ms']:.0f} / {one['tail_ms']:.0f} ms", decibels(one["end_db"]), decibels(one["click_db"])),
            *(decibels(one["bright_db"]), decibels(one["top_db"])),
        ]
        for one in figures["signals"]
    ]
    return measure.rows(heads, body)


def misheard(figures: dict[str, Any]) -> str:
    """Each sentence of which a word was heard wrong: the reader may judge whose fault it is."""
    body = [
        [one["way"], one["voice"], f"{one['speed']:g}", one["errors"], one["text"], one["heard"]]
        for one in figures["wrong"]
    ]
    return measure.rows(["spoken with", "voice", "speed", "errors", "to be said", "heard"], body)


def named(model: str) -> str:
    """A file's name as code; a prepared graph's name says nothing."""
    return "as above" if f"{model}.onnx" == PREPARED else f"`{model}`"


def share(counts: Sequence[dict[str, Any]]) -> str:
    """Errors of words, and in per cent."""
    wrong, words = sum(one["errors"] for one in counts), sum(one["words"] for one in counts)
    return f"{wrong} of {words}, {wrong / max(1, words):.1%}"


def decibels(value: float | None) -> str:
    """A level, if there is one."""
    return "" if value is None else f"{value:+.1f} dB".replace("-", "−")
