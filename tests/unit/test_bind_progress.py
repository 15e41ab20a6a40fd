"""The progress of a bind is reported while it runs, and at most once a second."""

import itertools
import types

import pytest

from tasks import bind

SECOND = bytes(2 * 24_000)


@pytest.mark.parametrize(
    ("step_s", "told"),
    [
        # A block takes a tenth of a second: told at the start, after each second, at the end.
        (0.1, [0, 10, 20, 25]),
        # It takes half a minute: told after each.
        (30.0, [0, *range(1, 26), 25]),
    ],
)
def test_a_bind_reports_its_progress_at_most_once_a_second(
    step_s: float, told: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = itertools.count()
    monkeypatch.setattr(bind, "time", types.SimpleNamespace(monotonic=lambda: next(looks) * step_s))
    heard: list[int] = []
    blocks = [SECOND] * 25
    assert list(bind.counted(blocks, heard.append)) == blocks
    assert [frames // 24_000 for frames in heard] == told


def test_samples_that_the_encoder_has_not_taken_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = itertools.count()
    monkeypatch.setattr(bind, "time", types.SimpleNamespace(monotonic=lambda: next(looks) * 2))
    heard: list[int] = []
    taken = bind.counted([SECOND] * 3, heard.append)
    next(taken)
    assert heard == [0]
    next(taken)
    assert heard == [0, 24_000]
