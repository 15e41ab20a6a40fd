"""Draws the plots of docs/performance.md as SVG: lines, points and bars, readable on light and on dark pages.

Knows nothing of what is measured. The scale of bars starts at zero, other scales at a round number below the data.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 56, 56
_TICKS = 6
# The width of a legend's entry without its text, and the mean width of a letter at 12 px.
_KEY_PX, _LETTER_PX = 28, 6.6
_LINE_PX = 12
_DOT_PX = 5
# From this value on, numbers are printed without decimals.
_WHOLE_FROM = 100
# Distinguishable in greyscale and for colour-blind readers: the palette of Okabe and Ito, lighter for dark pages.
_LIGHT = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#4b4b4b")
_DARK = ("#56b4e9", "#ff8c42", "#2fc79a", "#e39cc5", "#f0e442", "#c0c0c0")


@dataclass(frozen=True, kw_only=True)
class Series:
    """Points of one kind, in the order in which a line joins them."""

    name: str
    points: Sequence[tuple[float, float]]
    labels: Sequence[str] = ()
    """A label for each point; empty without labels."""


@dataclass(frozen=True, kw_only=True)
class Axes:
    """The title and the axes of a plot."""

    title: str
    x: str
    y: str
    limit_y: float | None = None
    """A horizontal line to draw at this level, such as a limit or a goal."""
    limit_name: str = ""


def line_chart(path: Path, axes: Axes, series: Sequence[Series]) -> Path:
    """Draw each series as a line with a dot at every point."""
    return _write(path, axes, _xy(axes, series, joined=True))


def scatter(path: Path, axes: Axes, series: Sequence[Series]) -> Path:
    """Draw each series as points with their labels."""
    return _write(path, axes, _xy(axes, series, joined=False))


def bars(path: Path, axes: Axes, groups: Sequence[str], series: Sequence[tuple[str, Sequence[float]]]) -> Path:
    """Draw one bar per series for each group; the axis begins at zero, so that lengths can be compared."""
    tallest = max([value for _, values in series for value in values] + [axes.limit_y or 0.0])
    across, up = Scale(0, len(groups), WIDTH, ticks=()), scale([0, tallest], -HEIGHT)
    parts = [*_frame(axes, across, up), *_legend([name for name, _ in series])]
    slot = (across.at(1) - across.at(0)) * 0.76 / len(series)
    for place, group in enumerate(groups):
        middle = across.at(place + 0.5)
        parts.append(_text(middle, HEIGHT - BOTTOM + 18, group, "middle"))
        for index, (_, values) in enumerate(series):
            left = middle + (index - len(series) / 2) * slot
            parts.extend(_bar(left, slot - 2, values[place], up, index))
    return _write(path, axes, parts)


@dataclass(frozen=True)
class Scale:
    """Maps values to places on the page; a negative extent runs upwards."""

    lowest: float
    highest: float
    extent: int
    ticks: Sequence[float]

    def at(self, value: float) -> float:
        """The place of a value, in pixels from the left or the top of the page."""
        share = (value - self.lowest) / (self.highest - self.lowest)
        if self.extent > 0:
            return LEFT + share * (WIDTH - LEFT - RIGHT)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def scale(values: Iterable[float], extent: int) -> Scale:
    """A scale that covers these values and begins and ends at round numbers."""
    known = list(values)
    lowest, highest = min(known), max(known)
    step = _round_step((highest - lowest or abs(highest) or 1.0) / _TICKS)
    first, last = math.floor(lowest / step), math.ceil(highest / step)
    if first == last:
        last += 1
    return Scale(first * step, last * step, extent, [index * step for index in range(first, last + 1)])


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, at least `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def _xy(axes: Axes, series: Sequence[Series], *, joined: bool) -> list[str]:
    points = [point for one in series for point in one.points]
    limits = [] if axes.limit_y is None else [axes.limit_y]
    across, up = scale((x for x, _ in points), WIDTH), scale([*(y for _, y in points), *limits], -HEIGHT)
    parts = [*_frame(axes, across, up), *_legend([one.name for one in series])]
    labelled: list[tuple[float, float, str]] = []
    for index, one in enumerate(series):
        places = [(across.at(x), up.at(y)) for x, y in one.points]
        if joined:
            route = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            parts.append(f'<polyline class="line s{index}" points="{route}"/>')
        parts.extend(f'<circle class="dot s{index}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in places)
        labelled.extend((x, y, label) for (x, y), label in zip(places, one.labels, strict=False))
    return [*parts, *_labels(labelled)]


def _labels(points: Sequence[tuple[float, float, str]]) -> list[str]:
    """A label for each point: right or left of it, or some lines higher or lower, where it overlaps no other label."""
    # Labels must not overlap dots either.
    taken = [(x - _DOT_PX, y + _DOT_PX, 2.0 * _DOT_PX) for x, y, _ in points]
    parts = []
    for x, y, label in points:
        width = len(label) * _LETTER_PX
        right, left = x + 8, x - 8 - width
        tried = [(start, y + 4 + shift) for shift in (0, -14, 14, -28, 28) for start in (right, left)]
        inside = [(start, line) for start, line in tried if start > LEFT and start + width < WIDTH - RIGHT] or tried
        free = [place for place in inside if not any(_overlap(place, width, other) for other in taken)]
        start, line = (free or inside)[0]
        taken.append((start, line, width))
        parts.append(_text(start, line, label, "start"))
    return parts


def _overlap(place: tuple[float, float], width: float, other: tuple[float, float, float]) -> bool:
    """Whether a label at this place would overlap another one."""
    (start, line), (begun, level, breadth) = place, other
    return start < begun + breadth and begun < start + width and abs(line - level) < _LINE_PX


def _bar(left: float, width: float, value: float, up: Scale, index: int) -> list[str]:
    top = up.at(value)
    return [
        f'<rect class="bar s{index}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{up.at(0) - top:.1f}"/>',
        _text(left + width / 2, top - 5, number(value), "middle"),
    ]


def _frame(axes: Axes, across: Scale, up: Scale) -> list[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [_text(LEFT, 22, axes.title, "start", "title")]
    for tick in up.ticks:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{up.at(tick):.1f}" y2="{up.at(tick):.1f}"/>')
        parts.append(_text(LEFT - 8, up.at(tick) + 4, number(tick), "end"))
    parts.extend(_text(across.at(tick), bottom + 18, number(tick), "middle") for tick in across.ticks)
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    parts.append(_text((LEFT + right) / 2, HEIGHT - 14, axes.x, "middle"))
    middle = (TOP + bottom) / 2
    parts.append(f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">{escape(axes.y)}</text>')
    if axes.limit_y is not None:
        level = up.at(axes.limit_y)
        parts.append(f'<line class="limit" x1="{LEFT}" x2="{right}" y1="{level:.1f}" y2="{level:.1f}"/>')
        parts.append(_text(LEFT + 6, level - 6, axes.limit_name, "start"))
    return parts


def _legend(names: Sequence[str]) -> list[str]:
    """The legend under the title; nothing for a single series."""
    parts, left = [], float(LEFT)
    for index, name in enumerate(names if len(names) > 1 else ()):
        parts.append(f'<rect class="bar s{index}" x="{left:.1f}" y="33" width="12" height="12" rx="2"/>')
        parts.append(_text(left + 18, 43, name, "start"))
        left += _KEY_PX + len(name) * _LETTER_PX
    return parts


def number(value: float) -> str:
    """A number with at most two decimals: 1,200, 2.4, 0.05."""
    if abs(value) >= _WHOLE_FROM or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _text(x: float, y: float, words: str, anchor: str, kind: str = "") -> str:
    marked = f' class="{kind}"' if kind else ""
    return f'<text{marked} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _style() -> str:
    """The style sheet; the plot has its own background, so that it is readable on any page."""
    return f"""<style>
svg {{ color-scheme: light dark; }}
text {{ font: 12px system-ui, sans-serif; fill: #24292f; }}
.title {{ font-size: 15px; font-weight: 600; }}
.page {{ fill: #ffffff; }}
.grid {{ stroke: #d8dee4; }} .axis {{ stroke: #57606a; }}
.limit {{ stroke: #57606a; stroke-dasharray: 6 4; }}
.line {{ fill: none; stroke-width: 2; }} .dot {{ stroke: none; }}
{_colours(_LIGHT)}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3; }} .page {{ fill: #0d1117; }}
.grid {{ stroke: #30363d; }} .axis, .limit {{ stroke: #8b949e; }}
{_colours(_DARK)}
}}
</style>"""


def _colours(hues: Sequence[str]) -> str:
    fills = (f".dot.s{index}, .bar.s{index} {{ fill: {hue}; }}" for index, hue in enumerate(hues))
    strokes = (f".line.s{index} {{ stroke: {hue}; }}" for index, hue in enumerate(hues))
    return "\n".join((*fills, *strokes))


def _write(path: Path, axes: Axes, parts: Iterable[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    body = "\n".join(parts)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="{escape(axes.title)}">\n{_style()}\n'
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="6"/>\n{body}\n</svg>\n',
        "utf-8",
    )
    return path
