"""Speaks committed sentences with a model file in several ways, for benchmarks that judge the sound.

The ways are those of the product (the file with dull or exact kernels, a prepared graph) and kokoro-onnx. All of them
speak the same phonemes. Knows nothing of farms or recognisers.
"""

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chorus.languages import for_voice
from chorus.vocabulary import MAX_TOKENS
from chorus.wire import RATE_HZ
from tasks import documents
from tasks.segmenting.segments import segments
from workers.inference.kokoro_graph import KokoroGraph
from workers.inference.sessions import Form, open_session, shrinking
from workers.models import voicebank

TEXTS = Path(__file__).resolve().parent / "text" / "listening.txt"
VOICES = ("af_heart", "am_michael", "bf_emma", "af_bella", "am_fenrir", "bm_george")
PREPARED = "graph.onnx"
"""The name of every file that `chorus optimize` makes; such a file is loaded unchanged."""

AS_EXPORTED, EXACT, THEIRS = "the file's kernels", "exact kernels", "kokoro-onnx"

FORMS: dict[str, Form] = {AS_EXPORTED: "steady", EXACT: "steady and exact"}
"""How a file is loaded for them."""
THREADS = 2
KEPT = Path(tempfile.gettempdir()) / "chorus-listening"
"""Where renderings stay, unless another folder is named."""

Samples = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """Something to speak, and the words that are to be heard."""

    kind: str
    text: str
    said: str


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What the model speaks in one run, and the silence after it."""

    phonemes: str
    pause_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """Some pieces, one after the other."""

    audio: Samples
    joins: tuple[int, ...] = ()
    """The sample at which each piece but the first begins."""
    frames: tuple[int, ...] = ()
    """How many frames each token lasts, of all pieces; empty if the model does not say."""


Speak = Callable[[Sequence[Piece], str, float], Spoken]
"""Speaks pieces with a voice at a speed."""


def sentences(path: Path = TEXTS) -> tuple[Sentence, ...]:
    """Every sentence of the file, in its order."""
    found, kind = [], ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("== "):
            kind = line.removeprefix("== ")
        elif line and not line.startswith("#"):
            text, _, said = line.partition(" | ")
            found.append(Sentence(kind=kind, text=text, said=said or text))
    return tuple(found)


def pieces(text: str, voice: str, *, target: int | None = None) -> list[Piece]:
    """The segments that the product's planner makes of a text, in the voice's language; the last has no pause."""
    language = for_voice(voice)
    wanted = {} if target is None else {"target": min(target, MAX_TOKENS)}
    cut = [
        Piece(phonemes=one.phonemes, pause_s=one.pause_ms / 1000)
        for chapter in documents.read(text.encode(), "text.txt").chapters
        for one in segments(chapter, language, **wanted)
    ]
    return [*cut[:-1], Piece(phonemes=cut[-1].phonemes)]


def ways(model: Path, voices: Path) -> Iterator[tuple[str, Speak]]:
    """The ways in which a file can be spoken. Each opens its session when it first speaks: one needs 0.5 GB."""
    if model.name == PREPARED:
        yield f"prepared: {model.parent.name}", when_needed(lambda: ours(model, voices, form="optimised"))
        return
    if has_dull_kernels(model):
        yield EXACT, when_needed(lambda: ours(model, voices, form=FORMS[EXACT]))
    yield THEIRS, when_needed(lambda: theirs(model, voices))
    yield AS_EXPORTED, when_needed(lambda: ours(model, voices, form=FORMS[AS_EXPORTED]))


def when_needed(opened: Callable[[], Speak]) -> Speak:
    """The same, opened by the first call."""
    speak = cache(opened)

    def first_opening(said: Sequence[Piece], voice: str, speed: float) -> Spoken:
        return speak()(said, voice, speed)

    return first_opening


def has_dull_kernels(model: Path) -> bool:
    """Whether the product would put other numbers into this file's inverse transform."""
    import onnx  # noqa: PLC0415 - 0.3 s

    from workers.models.inverse_stft import kernels  # noqa: PLC0415 - the same

    return kernels(onnx.load(model)) == "dull"


def ours(model: Path, voices: Path, *, form: Form, threads: int = THREADS) -> Speak:
    """As a worker speaks: its session, its feed."""
    session = open_session(model, threads=threads, form=form)
    graph, bank = KokoroGraph(session), voicebank.load(voices)

    def run(piece: Piece, voice: str, speed: float) -> tuple[Samples, Sequence[int]]:
        outputs = session.run(None, graph.inputs(piece.phonemes, voicebank.style(bank, voice), speed), shrinking())
        frames = graph.durations(outputs)
        return graph.audio(outputs), () if frames is None else frames.tolist()

    return lambda said, voice, speed: joined([run(piece, voice, speed) for piece in said], said, speed)


def theirs(model: Path, voices: Path) -> Speak:
    """kokoro-onnx with its defaults: it trims each piece and adds pauses of its own."""
    import kokoro_onnx  # noqa: PLC0415 - after workers, which has onnxruntime report to nobody

    kokoro: Any = kokoro_onnx.Kokoro(str(model), str(voices))

    def run(piece: Piece, voice: str, speed: float) -> tuple[Samples, Sequence[int]]:
        audio, _ = kokoro.create(piece.phonemes, voice, speed, is_phonemes=True)
        return np.asarray(audio, np.float32).ravel(), ()

    return lambda said, voice, speed: joined([run(piece, voice, speed) for piece in said], said, speed)


def joined(runs: Sequence[tuple[Samples, Sequence[int]]], said: Sequence[Piece], speed: float) -> Spoken:
    """One sound of several runs, with each piece's pause behind it."""
    silences = [np.zeros(round(piece.pause_s / speed * RATE_HZ), np.float32) for piece in said]
    sounds = [np.concatenate([audio, silence]) for (audio, _), silence in zip(runs, silences, strict=True)]
    return Spoken(
        audio=np.concatenate(sounds),
        joins=tuple(accumulate(sound.size for sound in sounds[:-1])),
        frames=tuple(chain.from_iterable(frames for _, frames in runs)),
    )


class Keeper:
    """Renderings on disk, so that a run that was interrupted, or that asks other questions, need not speak again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def name(self, *properties: str) -> str:
        """Under which a rendering with these properties is kept."""
        return re.sub(r"[^\w.-]+", "_", "-".join(properties))

    def spoken(self, name: str, speak: Speak, said: Sequence[Piece], voice: str, speed: float) -> Spoken:
        """The rendering of this name; it is spoken if it is not there."""
        path = self._folder / f"{name}.npz"
        if not path.exists():
            made = speak(said, voice, speed)
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".part")
            with draft.open("wb") as file:
                np.savez(file, audio=made.audio, joins=np.array(made.joins, int), frames=np.array(made.frames, int))
            draft.replace(path)
        with np.load(path, allow_pickle=False) as kept:
            joins, frames = kept["joins"].tolist(), kept["frames"].tolist()
            return Spoken(audio=kept["audio"], joins=tuple(joins), frames=tuple(frames))
