"""The plots in the documents: values are drawn at their place on the scale, and the picture is well-formed."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.plot import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axes,
    Series,
    bars,
    line_chart,
    number,
    scale,
    scatter,
)

AXES = Axes(title="Speed & <quality>", x="times real time", y="dB", limit_y=3.0, limit_name="bound")
SVG = "{http://www.w3.org/2000/svg}"


def parsed(path: Path) -> ET.Element:
    return ET.fromstring(path.read_text("utf-8"))  # noqa: S314 - written a line above


def words(root: ET.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


@pytest.mark.parametrize(
    ("values", "lowest", "highest"),
    [([0, 1], 0, 1), ([3, 97], 0, 100), ([0.31, 0.58], 0.3, 0.6), ([5, 5], 5, 6), ([-2, 2], -2, 2), ([0], 0, 0.2)],
)
def test_a_scale_runs_between_round_numbers_around_the_data(values: list[float], lowest: float, highest: float) -> None:
    found = scale(values, WIDTH)
    assert (found.lowest, found.highest) == (pytest.approx(lowest), pytest.approx(highest))
    assert found.ticks[0] == pytest.approx(lowest)
    assert found.ticks[-1] == pytest.approx(highest)


def test_the_ends_of_a_scale_are_the_edges_of_the_plot() -> None:
    across, up = scale([0, 1], WIDTH), scale([0, 1], -HEIGHT)
    assert (across.at(0), across.at(1)) == (LEFT, WIDTH - RIGHT)
    assert (up.at(0), up.at(1)) == (HEIGHT - BOTTOM, TOP)


def test_points_are_drawn_at_their_values_with_labels(tmp_path: Path) -> None:
    points = Series(name="int8", points=[(1, 1), (2, 3)], labels=["fp32", "all < this"])
    root = parsed(scatter(tmp_path / "plot.svg", AXES, [points]))
    dots = [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in root.iter(f"{SVG}circle")]
    assert dots == [(LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, TOP)]
    assert {"fp32", "all < this", "bound", AXES.title} <= {*words(root)}


def test_a_line_joins_its_points_in_order_and_several_have_a_legend(tmp_path: Path) -> None:
    pair = [Series(name=name, points=[(0, 1), (1, 2), (2, 4)]) for name in ("fp32", "int8")]
    root = parsed(line_chart(tmp_path / "plot.svg", AXES, pair))
    routes = [line.attrib["points"] for line in root.iter(f"{SVG}polyline")]
    assert len(routes) == 2
    across = [float(point.partition(",")[0]) for point in routes[0].split()]
    assert across == sorted(across)
    assert {"fp32", "int8"} <= {*words(root)}


def test_bars_begin_at_zero_and_have_proportional_lengths(tmp_path: Path) -> None:
    root = parsed(bars(tmp_path / "plot.svg", AXES, ["books", "live"], [("fp32", [4, 2]), ("int8", [8, 1])]))
    # A legend's key is twelve high and no bar.
    tall = [float(bar.attrib["height"]) for bar in root.iter(f"{SVG}rect") if "rx" not in bar.attrib]
    assert tall == pytest.approx([tall[0], 2 * tall[0], tall[0] / 2, tall[0] / 4], abs=0.2)


def test_labels_of_close_points_do_not_overlap(tmp_path: Path) -> None:
    close = Series(
        name="one", points=[(1, 1), (1.01, 1), (3, 2), (3, 2)], labels=["resblocks", "decoder", "all", "most"]
    )
    root = parsed(scatter(tmp_path / "plot.svg", AXES, [close]))
    spots = {
        text.text: (float(text.attrib["x"]), float(text.attrib["y"]))
        for text in root.iter(f"{SVG}text")
        if "x" in text.attrib
    }
    assert spots["resblocks"][1] != spots["decoder"][1] or abs(spots["resblocks"][0] - spots["decoder"][0]) > 60
    assert abs(spots["all"][1] - spots["most"][1]) >= 12
    assert all(LEFT < spots[label][0] < WIDTH - RIGHT for label in close.labels)


def test_a_plot_can_be_read_on_a_dark_page(tmp_path: Path) -> None:
    text = scatter(tmp_path / "plot.svg", AXES, [Series(name="one", points=[(1, 2)])]).read_text("utf-8")
    assert re.search(r"@media \(prefers-color-scheme: dark\)", text)


@pytest.mark.parametrize(("value", "shown"), [(1234.4, "1,234"), (2.40, "2.4"), (0.05, "0.05"), (3.0, "3"), (0, "0")])
def test_a_number_has_no_unnecessary_digits(value: float, shown: str) -> None:
    assert number(value) == shown
