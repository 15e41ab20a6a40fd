"""The tuner keeps the fastest candidate, changes nothing without a clear gain, and writes only on request."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.tune import candidates, halved, usual, won, written


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=20, unique=True))
def test_with_constant_speeds_the_fastest_candidate_wins(speeds: list[float]) -> None:
    assert halved(speeds, lambda arm, _share: arm, lambda _: None) == max(speeds)


def test_each_round_halves_the_candidates_and_doubles_the_text() -> None:
    asked: list[tuple[int, int]] = []

    def speed(arm: int, share: int) -> float:
        asked.append((share, arm))
        return float(arm)

    assert halved(range(8), speed, lambda _: None) == 7
    assert [sum(share == one for one, _ in asked) for share in (1, 2, 4)] == [8, 4, 2]


def test_a_dropped_candidate_is_not_measured_again() -> None:
    asked: list[int] = []

    def speed(arm: int, _share: int) -> float:
        asked.append(arm)
        return -float(arm)

    assert halved([1, 2, 3, 4], speed, lambda _: None) == 1
    assert asked == [1, 2, 3, 4, 1, 2]


@pytest.mark.parametrize(
    ("challenger", "champion", "pays"),
    [
        ([1.1, 1.2, 1.1], [1.0, 1.0, 1.0], True),
        ([1.1, 1.04, 1.3], [1.0, 1.0, 1.0], False),
        ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], False),
    ],
)
def test_a_winner_must_be_clearly_faster_in_every_round(
    challenger: list[float], champion: list[float], pays: bool
) -> None:
    assert won(challenger, champion) is pays


def test_the_default_settings_are_a_candidate_and_none_occurs_twice() -> None:
    assert usual() in candidates()
    assert len(set(candidates())) == len(candidates())
    assert all(one.threads > 1 for one in candidates() if one.spinning)


def test_a_settings_file_keeps_its_other_lines(tmp_path: Path) -> None:
    path = tmp_path / "farm.env"
    path.write_text("# ours\nCHORUS_SLOTS=9\nCHORUS_PORT=4000\n")
    written({"CHORUS_SLOTS": "2"}, path)
    assert path.read_text() == "# ours\nCHORUS_PORT=4000\nCHORUS_SLOTS=2\n"
    written({"CHORUS_SLOTS": "4"}, tmp_path / "new.env")
    assert (tmp_path / "new.env").read_text() == "CHORUS_SLOTS=4\n"
