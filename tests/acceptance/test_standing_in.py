"""Where the stand-in voice speaks, all are told so and how to get the real one; nothing of it outlives its turn."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from machine import Machine
from toy.build import MODEL, VOICES
from workshop import Workshop, opened, report_beside

from chorus.standing_in import LANGUAGES, NAME, PULL
from workers import standin

TEXT = "# One\n\nThe old man walked slowly down the road.\n\n# Two\n\nNobody knew where he came from.\n"
UNSET = {"CHORUS_MODEL": "", "CHORUS_VOICES": ""}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """With its stack up, where nothing was ever fetched."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    Path(machine.folder / "text.md").write_text(TEXT, encoding="utf-8")
    up = machine.chorus("up", **UNSET)
    assert up.returncode == 0, up.stderr
    assert NAME in up.stdout
    assert PULL in up.stdout
    yield machine
    machine.chorus("down", **UNSET)
    machine.close()


@pytest.mark.parametrize(
    "words",
    [
        ("render", "text.md", "-o", "text.m4b"),
        ("say", "Good morning.", "-o", "morning.wav"),
        ("voices",),
        ("status",),
        ("doctor",),
        ("models", "list"),
    ],
    ids=lambda words: words[0],
)
def test_a_command_says_who_stands_in_and_how_to_fetch_the_real_one(machine: Machine, words: tuple[str, ...]) -> None:
    told = machine.chorus(*words, **UNSET)
    assert told.returncode == 0, told.stderr
    said = told.stdout + told.stderr
    assert NAME in said
    assert f"`{PULL}`" in said


def test_a_job_that_is_followed_says_so_too(machine: Machine) -> None:
    assert machine.chorus("submit", "text.md", "--job", "watched", **UNSET).returncode == 0
    said = machine.chorus("follow", "watched", **UNSET).stderr
    assert NAME in said
    assert f"`{PULL}`" in said


def test_file_and_report_say_so_too(machine: Machine) -> None:
    assert machine.chorus("render", "text.md", "-o", "told.m4b", **UNSET).returncode == 0
    with av.open(str(machine.folder / "told.m4b")) as container:
        comment = container.metadata["comment"]
    report: dict[str, Any] = report_beside(machine.folder / "told.m4b")
    assert report["model"] == NAME
    for told in (comment, *report["remarks"]):
        assert NAME in told
        assert f"`{PULL}`" in told


def test_the_list_of_voices_says_that_they_were_taught_english_alone(machine: Machine) -> None:
    told = machine.chorus("voices", **UNSET)
    assert len(told.stdout.split()) == 54
    assert LANGUAGES in told.stderr


def test_when_the_real_voice_arrives_nothing_of_the_stand_ins_is_reused(redis_url: str, tmp_path: Path) -> None:
    cached = {}
    for model, voices, jobs in ((standin.MODEL, standin.VOICES, ("first", "again")), (MODEL, VOICES, ("real",))):
        with opened(Workshop(redis_url, tmp_path, model=model, voices=voices)) as farm:
            # The voice first: so the desk knows of it from its first look at the farm.
            farm.start("voice", CHORUS_CACHE_MB="100").start("desk", CHORUS_CACHE_MB="100")
            for job in jobs:
                farm.client.submit(TEXT.encode(), name="text.md", job=job, format="wav")
                record = farm.finished(job)
                cached[record.model, job] = record.segments_cached
    # What the same voice spoke is reused, so that the last line says something.
    assert cached == {(NAME, "first"): 0, (NAME, "again"): record.segments_done, ("toy voice", "real"): 0}
