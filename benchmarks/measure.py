"""What every measurement of speed shares: a farm that remembers nothing, the first sound, raw inference, results kept.

A first sound is the first sample louder than 0.1 % of full scale that a model has just spoken for this job. A header is
passed over, silence waited through, and audio that was spoken before is refused: its time is nobody's speed.
"""

import argparse
import array
import contextlib
import importlib.metadata
import itertools
import json
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.first_sound import SILENCE, machine
from broker.settings import FarmSettings
from chorus import Client, Kind
from chorus.records import JobRecord, State
from chorus.settings import PREFIX
from chorus.vocabulary import VOCABULARY
from chorus.wire import RATE_HZ, SAMPLE_BYTES
from tasks import documents
from tasks.breath import TARGET_TOKENS
from tasks.plan import LIVE_FIRST_TOKENS
from tasks.segments import Segment, segments
from workers import standin, voicebank
from workers.models import Model
from workers.optimise import prepared
from workers.optimise.manifest import FAST, ORIGINAL, RAW
from workers.optimise.preparing import ready
from workers.sessions import ort, session_options  # through workers, which has it report to nobody
from workers.stack import ensure

RESULTS = Path(__file__).with_name("results")
PLOTS = Path(__file__).parent.parent / "docs" / "plots"
VOICE = "af_heart"
READY_S = 120.0
# Heartbeats and the reaper take a hundredth of a core; the shortest inference takes one.
RESTING_S, RESTING_SHARE = 0.3, 0.2
SAID_BEFORE = ("cache", "primer")
SUBJECTS = ("the keeper", "an old captain", "my aunt", "nobody", "a small boat", "the baker", "everyone", "the miller")
VERBS = ("counted", "remembered", "lost", "carried", "painted", "followed", "answered", "kept", "found", "forgot")
THINGS = ("the lamp", "a desert of sand", "three letters", "the morning bell", "her brother", "a line", "the tide")
PLACES = ("on the long pier", "before dawn", "in a low voice", "behind the door", "with both hands", "one last time")
_HEADERS = (b"RIFF", b"RF64")
_PAYLOAD = b"data"
_SIZE_BYTES = 4


class RefusedError(Exception):
    """What was timed is no first sound, or no speed."""


class Ear:
    """Given bytes of s16le as they arrive, it knows when the first sound did."""

    def __init__(self, began_s: float) -> None:
        self._began_s = began_s
        self._heard_s: float | None = None
        self._pending = b""
        self._sounding = False

    def hear(self, data: bytes, now_s: float) -> None:
        """Some more of the stream, at this moment; pieces may end within a sample, or within a header."""
        if self._heard_s is None:
            self._pending += data
            whole = self._payload()
            if loud(whole):
                self._heard_s = now_s

    @property
    def heard(self) -> bool:
        """Whether there was a sound yet."""
        return self._heard_s is not None

    @property
    def first_ms(self) -> float:
        """From the beginning to the first sound; RefusedError if there was none."""
        if self._heard_s is None:
            raise RefusedError("Nothing was heard: a header and silence are no first sound.")
        return (self._heard_s - self._began_s) * 1000

    def _payload(self) -> bytes:
        """The whole samples among what is pending, without the header."""
        if not self._sounding:
            if any(mark.startswith(self._pending[: len(mark)]) for mark in _HEADERS):
                _, found, rest = self._pending.partition(_PAYLOAD)
                if not found or len(rest) < _SIZE_BYTES:
                    return b""
                self._pending = rest[_SIZE_BYTES:]
            self._sounding = True
        whole = len(self._pending) // SAMPLE_BYTES * SAMPLE_BYTES
        samples, self._pending = self._pending[:whole], self._pending[whole:]
        return samples


def loud(pcm: bytes) -> bool:
    """Whether anything can be heard in it."""
    return any(abs(sample) > SILENCE for sample in array.array("h", pcm))


def require_spoken(record: JobRecord) -> JobRecord:
    """The job's record, if every segment of it was spoken, now and for it; else RefusedError."""
    if record.state is not State.DONE or record.segments_failed:
        raise RefusedError(f"Job {record.job} is {record.state} ({record.segments_failed} failed): {record.error}")
    return require_anew(record)


def require_anew(record: JobRecord) -> JobRecord:
    """The job's record, if what is heard of it so far was spoken now and for it; else RefusedError."""
    if record.segments_cached or record.first_audio_from in SAID_BEFORE:
        raise RefusedError(f"{record.segments_cached} segments of job {record.job} were spoken before.")
    if record.first_audio_ms is None:
        raise RefusedError(f"Nothing can be heard in job {record.job}.")
    return record


@dataclass(frozen=True, kw_only=True)
class Live:
    """One live request, heard to its end."""

    first_ms: float
    """From the submit to the first sound, at the listener."""
    whole_ms: float
    """To the last chunk."""
    arrivals: tuple[tuple[float, float], ...]
    """Of each chunk: seconds since the submit, and seconds of audio in it."""
    record: JobRecord


def listen(client: Client, text: str, *, live: bool = True) -> Live:
    """Submit, listen to the end, and refuse what was not spoken now."""
    began_s = time.perf_counter()
    ear = Ear(began_s)
    job = client.submit(text, live=live, voice=VOICE).job
    arrivals = []
    with client.listen(job) as listener:
        for chunk in listener:
            now_s = time.perf_counter()
            if chunk.kind is Kind.AUDIO:
                ear.hear(chunk.pcm, now_s)
                arrivals.append((now_s - began_s, len(chunk.pcm) / SAMPLE_BYTES / RATE_HZ))
    whole_ms = (time.perf_counter() - began_s) * 1000
    record = require_spoken(client.wait(job))
    return Live(first_ms=ear.first_ms, whole_ms=whole_ms, arrivals=tuple(arrivals), record=record)


def first_sound_ms(client: Client, text: str) -> float:
    """Milliseconds from the submit to the first sound of a long text, whose rest is cancelled."""
    began_s = time.perf_counter()
    ear = Ear(began_s)
    job = client.submit(text, live=True, voice=VOICE).job
    with client.listen(job) as listener:
        for chunk in listener:
            ear.hear(chunk.pcm, time.perf_counter())
            if ear.heard:
                break
    require_anew(client.job(job))
    client.want(job, "cancelled")
    client.wait(job)
    return ear.first_ms


@dataclass(frozen=True, kw_only=True)
class Options:
    """What all of these scripts are asked."""

    model: Path
    voices: Path
    quick: bool
    minutes: float = 0.0
    """How long the long measurement of a script lasts; 0: as long as it thinks fit."""
    results: Path = RESULTS
    prepared: Path | None = None
    """A home in which the model was prepared before; None: it is, once, in one that stays in the temporary folder."""

    @classmethod
    def read(cls, doc: str | None) -> Self:
        """From the command line."""
        parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
        parser.add_argument("model", type=Path, help="the Kokoro-shaped model, or Kokoro itself")
        parser.add_argument("--voices", type=Path, default=standin.VOICES, help="its voices (default: the stand-in's)")
        parser.add_argument("--quick", action="store_true", help="the smallest sizes that still mean something")
        parser.add_argument("--minutes", type=float, default=0.0, help="of the longest measurement, where there is one")
        parser.add_argument("--prepared", type=Path, help="a home in which `chorus optimize` has prepared the model")
        parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write into (default: committed)")
        return cls(**vars(parser.parse_args()))

    def keep(self, name: str, conditions: str, figures: Mapping[str, Any]) -> Path:
        """Write a result down."""
        return keep(name, conditions, figures, self.results)

    def told(self, variant: str) -> str:
        """What was measured with, for the page."""
        return f"{self.model.stem}, {variant}" + (", small sizes" if self.quick else "")

    def settings(self, home: Path, variant: str = "", **wishes: Any) -> FarmSettings:
        """Of a farm with this model. A cache would answer in the voice's place, and so would settings of the user.

        Without a variant: what the farm chooses by itself.
        """
        for name in [name for name in os.environ if name.startswith(PREFIX) or name == "REDIS_URL"]:
            del os.environ[name]
        self._share(home)
        wishes |= {"variant": variant} if variant else {}
        return FarmSettings(home=home, model=self.model.absolute(), voices=self.voices.absolute(), cache_mb=0, **wishes)

    def prepared_home(self) -> Path:
        """Where every farm of every script finds what the model was made into."""
        return self.prepared or Path(tempfile.gettempdir()) / f"chorus-bench-{os.getuid()}"

    def _share(self, home: Path) -> None:
        """Have one home's graphs in all of them: a model is prepared once, not by each farm."""
        shared = self.prepared_home() / "models" / "prepared"
        shared.mkdir(parents=True, exist_ok=True)
        (home / "models").mkdir(parents=True, exist_ok=True)
        if not (home / "models" / "prepared").exists():
            (home / "models" / "prepared").symlink_to(shared.absolute(), target_is_directory=True)


@dataclass(frozen=True, kw_only=True)
class Farm:
    """A stack of this checkout, warm."""

    client: Client
    settings: FarmSettings
    model: Model
    """What its voice worker speaks with."""
    ready_s: float
    """From nothing to workers that can speak."""

    def process(self, role: str) -> psutil.Process:
        """The worker of this role."""
        return psutil.Process(next(worker.pid for worker in self.client.workers() if worker.role == role))

    def rest(self) -> None:
        """Return once the voice worker speaks no more: a segment of a job that was cancelled is spoken to its end."""
        voice = self.process("voice")
        while busy(voice, RESTING_S) > RESTING_SHARE:
            pass


@contextmanager
def farm(settings: FarmSettings) -> Iterator[Farm]:
    """The stack of these settings while the block lasts; each of its workers has spoken or planned once.

    What is done to a model once on a machine is done before the clock starts.
    """
    model = ready(settings, print)
    began_s = time.monotonic()
    with ensure(settings) as stack, Client(stack.url) as client:
        while {worker.role for worker in client.workers()} != {"voice", "desk"}:
            if time.monotonic() - began_s > READY_S:
                raise RefusedError(f"No workers after {READY_S:.0f} s: see {stack.run.logs}.")
            time.sleep(0.02)
        ready_s = time.monotonic() - began_s
        listen(client, "Nobody waits for this.")
        yield Farm(client=client, settings=settings, model=model, ready_s=ready_s)


def variants(options: Options, folder: Path) -> dict[str, str]:
    """What this model was made into for this machine, and what is to be said of it; the file as it is, if nothing.

    Of those that trade quality for speed the fastest is enough, and one that was refused still tells how fast it is.
    """
    settings = options.settings(folder / "look")
    known = prepared.manifest(settings.home_folder(), ready(settings, print).origin)
    made = list(known.variants.values()) if known else []
    fit = [one for one in made if one.lossless and one.valid is not False]
    lossy = sorted((one for one in made if not one.lossless), key=lambda one: one.numbers.get("speed_ratio", 0.0))
    # What differs from the fast one in nothing but speed need not be measured where time is short.
    if options.quick and any(one.name == FAST for one in fit):
        fit = [one for one in fit if one.name == FAST]
    return {one.name: "" if one.lossless else one.why for one in (*fit, *lossy[-1:])} or {RAW: ""}


def remarks(told: Mapping[str, str]) -> str:
    """A line under a table for each variant of which there is something to say."""
    return "".join(f"\n\n`{name}` {why.rstrip('.')}." for name, why in told.items() if why)


def lossless(names: Iterable[str]) -> str:
    """Of some variants the fastest that loses nothing."""
    return next((name for name in (FAST, ORIGINAL) if name in names), RAW)


def busy(process: psutil.Process, seconds: float) -> float:
    """How many cores it uses, over so long."""
    before = process.cpu_times()
    time.sleep(seconds)
    after = process.cpu_times()
    return float(after.user + after.system - before.user - before.system) / seconds


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as folder:
        yield Path(folder)


def cut(text: str, *, live: bool = False, target: int = TARGET_TOKENS) -> list[Segment]:
    """The segments the product's own planner makes of a plain text."""
    document = documents.read(text.encode(), "text.txt")
    return [
        segment
        for chapter in document.chapters
        for segment in segments(chapter, "en-us", first=LIVE_FIRST_TOKENS if live else None, target=target)
    ]


def prose(seed: int, characters: int) -> str:
    """Made-up sentences, the same for a seed everywhere, up to the end of the one that reaches so many characters."""
    chance = random.Random(seed)  # noqa: S311 - a text, not a secret
    text = ""
    while len(text) < characters:
        place = f"{chance.choice(PLACES)}, " if not text or chance.random() < 1 / 2 else ""
        clauses = [
            " ".join(map(chance.choice, (SUBJECTS, VERBS, THINGS, PLACES))) for _ in range(chance.choice((1, 1, 2, 3)))
        ]
        said = place + ", and ".join(clauses)
        text += f"{said[:1].upper()}{said[1:]}. "
    return text.rstrip()


def sayings() -> Iterator[str]:
    """A few words each, no two alike."""
    every = [" ".join(words) for words in itertools.product(SUBJECTS, VERBS, THINGS)]
    random.Random(1895).shuffle(every)  # noqa: S311 - an order, not a secret
    return (f"{said[:1].upper()}{said[1:]}." for said in every)


class Raw:
    """The graph that the farm speaks with and onnxruntime, and nothing else."""

    def __init__(self, model: Model, *, threads: int, spinning: bool = False) -> None:
        options = session_options(threads)
        if spinning:
            options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        if model.optimised:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session = ort.InferenceSession(str(model.graph), sess_options=options, providers=["CPUExecutionProvider"])
        inputs = {one.name: one.type for one in self._session.get_inputs()}
        self._tokens = "input_ids" if "input_ids" in inputs else "tokens"
        self._style = voicebank.style(voicebank.load(model.voices_path), VOICE)
        # A first run pays for its allocations, as the farm's warm-up does.
        self.speak("həlˈO")

    def speak(self, phonemes: str) -> float:
        """Seconds of audio."""
        audio = self._session.run(None, self.feed(phonemes))[0]
        return np.asarray(audio).size / RATE_HZ

    def feed(self, phonemes: str) -> dict[str, NDArray[Any]]:
        """The inputs of one run."""
        tokens = [0, *(VOCABULARY[symbol] for symbol in phonemes), 0]
        row = min(len(phonemes), len(self._style)) - 1
        return {
            self._tokens: np.array([tokens], np.int64),
            "style": np.asarray(self._style[row], np.float32).reshape(1, -1),
            "speed": np.array([1.0], np.float32),
        }

    def speak_all(self, texts: Sequence[str], *, slots: int) -> tuple[float, float]:
        """Seconds of audio, and of the clock, with so many threads taking the next one as they get free."""
        waiting, audio = iter(texts), [0.0] * slots
        door = threading.Lock()

        def work(slot: int) -> None:
            while True:
                with door:
                    phonemes = next(waiting, None)
                if phonemes is None:
                    return
                audio[slot] += self.speak(phonemes)

        began_s = time.perf_counter()
        threads = [threading.Thread(target=work, args=(slot,)) for slot in range(slots)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(audio), time.perf_counter() - began_s


def underruns(arrivals: Sequence[tuple[float, float]], *, start_s: float) -> list[float]:
    """Seconds that a player had nothing to play, each time, on its own clock: no card's, so that none is needed.

    `arrivals` are moments and the seconds of audio that came then; playing begins with the first `start_s` of audio.
    """
    stalls = []
    plays_until_s: float | None = None
    waiting_s = 0.0
    for now_s, audio_s in arrivals:
        waiting_s += audio_s
        if plays_until_s is None and waiting_s < start_s:
            continue
        if plays_until_s is not None and now_s > plays_until_s:
            stalls.append(now_s - plays_until_s)
        plays_until_s = max(now_s, plays_until_s or now_s) + waiting_s
        waiting_s = 0.0
    return stalls


def p95(values: Sequence[float]) -> float:
    """Nineteen of twenty are below; of fewer than that, about the largest."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def keep(name: str, conditions: str, figures: Mapping[str, Any], folder: Path = RESULTS) -> Path:
    """Write a result down, with where and when it was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "made": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "onnxruntime": importlib.metadata.version("onnxruntime"),
        "conditions": conditions,
        "figures": figures,
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def kept(name: str, folder: Path = RESULTS) -> dict[str, Any] | None:
    """A result as it was written down; None where nobody has measured."""
    with contextlib.suppress(FileNotFoundError):
        told: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
        return told
    return None


def rows(head: Sequence[str], body: Sequence[Sequence[object]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def verdict(reached: bool) -> str:
    """A goal's, in a word."""
    return "reached" if reached else "**missed**"
