"""The engine with real onnxruntime sessions: the inputs of the model, the results, and what is refused."""

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime as ort
import psutil
import pytest
from kokoro_onnx.config import DEFAULT_VOCAB
from onnx import parser
from support import wait_until
from toy.build import MISCHIEF, build
from toy.decode import decode

from broker.settings import FarmSettings, available_cores
from chorus.errors import AudioError, ChorusError, FarmError, OptionError
from tasks.engine import Engine, Lane, Speech, Utterance
from tasks.plan import LIVE_FIRST_TOKENS
from workers import standin
from workers.engine.kokoro_engine import KokoroEngine
from workers.engine.opening import open_engine
from workers.inference import kept_memory
from workers.inference.keep_alive import BeatCounts
from workers.inference.kept_memory import FIRST_TOKENS, KEPT_TOKENS
from workers.inference.priority import NICEST
from workers.models import voicebank
from workers.models.resolving import resolve

TOY = Path(__file__).parents[1] / "toy" / "toy.onnx"
TOY_VOICES = TOY.with_name("toy-voices.bin")
LANES: tuple[Lane, ...] = ("bulk", "live")
HELLO = "həlˈoʊ wˈɜːld."

Open = Callable[..., KokoroEngine]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens engines, and closes them after the test."""
    engines: list[KokoroEngine] = []

    def open_one(
        model: Path = TOY,
        voices: Path = TOY_VOICES,
        lanes: Literal["auto", "both", "bulk"] = "auto",
        slots: int = 2,
    ) -> KokoroEngine:
        settings = FarmSettings(home=tmp_path, model=model, voices=voices, lanes=lanes, slots=slots)
        engines.append(open_engine(resolve(settings), settings))
        return engines[-1]

    yield open_one
    for engine in engines:
        engine.close()


@pytest.fixture
def born(monkeypatch: pytest.MonkeyPatch) -> list[ort.InferenceSession]:
    """Every session this process makes, in order."""
    sessions: list[ort.InferenceSession] = []
    really = ort.InferenceSession.__init__

    def counting(self: ort.InferenceSession, *args: Any, **options: Any) -> None:
        sessions.append(self)
        really(self, *args, **options)

    monkeypatch.setattr(ort.InferenceSession, "__init__", counting)
    return sessions


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, np.ndarray]]:
    """What every run was fed."""
    feeds: list[dict[str, np.ndarray]] = []
    really = ort.InferenceSession.run

    def telling(self: ort.InferenceSession, names: Any, feed: dict[str, np.ndarray], options: Any = None) -> Any:
        feeds.append(feed)
        return really(self, names, feed, options)

    monkeypatch.setattr(ort.InferenceSession, "run", telling)
    return feeds


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of every run: whether it gave its memory back or kept it."""
    said: list[str] = []
    for made in ("keeping", "shrinking"):
        really = getattr(kept_memory, made)
        monkeypatch.setattr(kept_memory, made, lambda made=made, really=really: said.append(made) or really())
    return said


def say(engine: KokoroEngine, phonemes: str = HELLO, lane: Lane = "bulk", **wishes: Any) -> Speech:
    return engine.speak(Utterance(phonemes=phonemes, **{"voice": "af_heart", **wishes}), lane)


def ids(phonemes: str) -> list[int]:
    return [DEFAULT_VOCAB[symbol] for symbol in phonemes]


def tokens_in(speech: Speech) -> list[int]:
    return decode((speech.audio * 32767).round().astype(np.int16))


def test_two_sessions_are_opened_once_and_both_speak(opened: Open, born: list[ort.InferenceSession]) -> None:
    engine = opened()
    engine.warm_up()
    with ThreadPoolExecutor(6) as callers:
        list(callers.map(lambda n: say(engine, lane=LANES[n % 2]), range(24)))
    assert len(born) == 2
    assert [session.get_session_options().intra_op_num_threads for session in born] == [1, available_cores()]
    assert [(lane.name, lane.slots, lane.served, lane.failures) for lane in engine.health()] == [
        ("bulk", 2, 13, 0), ("live", 1, 13, 0),
    ]  # fmt: skip


def test_a_segment_that_takes_many_times_as_long_as_expected_ends_no_session(
    tmp_path: Path, opened: Open, born: list[ort.InferenceSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MISCHIEF, "hang", (MISCHIEF["hang"][0], 200_000))  # for a moment instead of for ever
    engine = opened(build(tmp_path / "slow.onnx", fault="hang", token=ids("b")[0]))
    engine.warm_up()
    usual_s = min(say(engine, "ha", lane).seconds for lane in LANES for _ in range(5))
    for lane in LANES:
        slow = say(engine, "hab", lane)
        assert slow.seconds > 20 * usual_s, "or this test proves nothing"
        assert tokens_in(slow) == ids("hab")
        assert tokens_in(say(engine, "ha", lane)) == ids("ha")
    assert len(born) == 2
    assert [(lane.name, lane.served, lane.failures) for lane in engine.health()] == [("bulk", 8, 0), ("live", 8, 0)]


def test_with_bulk_alone_one_session_also_serves_listeners(opened: Open, born: list[ort.InferenceSession]) -> None:
    engine = opened(lanes="bulk", slots=3)
    engine.warm_up()
    assert tokens_in(say(engine, lane="live")) == tokens_in(say(engine, lane="bulk")) == ids(HELLO)
    assert len(born) == 1
    assert [(lane.name, lane.served) for lane in engine.health()] == [("bulk", 3)]
    assert (engine.slots("live"), engine.slots("bulk")) == (3, 3)


def test_the_engine_describes_itself(opened: Open) -> None:
    engine = opened(slots=3)
    known: Engine = engine
    assert (known.model, known.sound) == ("toy voice", known.model_digest[:12])
    assert known.voices() == ("af_bella", "af_heart", "am_adam", "bf_emma")
    assert (known.slots("live"), known.slots("bulk")) == (1, 3)


@pytest.mark.parametrize("lane", LANES)
def test_every_token_is_spoken_in_order_and_timed(opened: Open, lane: Lane) -> None:
    everything = "".join(symbol for symbol in DEFAULT_VOCAB if symbol != " ").replace("a", "a b")
    speech = say(opened(), everything, lane)
    assert tokens_in(speech) == ids(everything)
    assert [symbol for symbol, _, _ in speech.timings] == list(everything)
    starts, ends = [start for _, start, _ in speech.timings], [end for _, _, end in speech.timings]
    # One pad of two frames of 25 ms stands before the first and after the last.
    assert starts == pytest.approx([0.05 * n for n in range(1, len(everything) + 1)])
    assert ends[:-1] == starts[1:]
    assert len(speech.audio) / 24_000 == pytest.approx(ends[-1] + 0.05)
    assert (speech.audio.dtype, speech.audio.ndim) == (np.float32, 1)
    assert speech.seconds > 0


@pytest.mark.parametrize("phonemes", ["a. b, c! d? e; f: i… h", "a " * 254 + "bc", "a.", '("a")'])
def test_an_utterance_is_spoken_in_one_run(opened: Open, fed: list[dict[str, np.ndarray]], phonemes: str) -> None:
    speech = say(opened(), phonemes)
    assert len(fed) == 1
    assert fed[0]["tokens"].tolist() == [[0, *ids(phonemes), 0]]
    assert len(speech.audio) == (len(phonemes) + 2) * 2 * 600


def test_the_models_own_silences_are_kept(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    returned: list[np.ndarray] = []
    really = ort.InferenceSession.run

    def telling(self: ort.InferenceSession, names: Any, feed: Any, options: Any = None) -> Any:
        outputs = really(self, names, feed, options)
        returned.append(outputs[0])
        return outputs

    monkeypatch.setattr(ort.InferenceSession, "run", telling)
    # The toy voice is never quiet; the stand-in pauses at marks and at both ends.
    speech = say(opened(standin.MODEL, standin.VOICES), f"{HELLO} {HELLO}, {HELLO}")
    assert np.array_equal(speech.audio, returned[0].ravel())
    assert len(returned) == 1


@pytest.mark.parametrize("count", [1, 2, 509, 510])
def test_the_style_is_the_row_for_the_number_of_tokens(
    tmp_path: Path, fed: list[dict[str, np.ndarray]], count: int
) -> None:
    rows = np.repeat(np.arange(1, 511, dtype=np.float32), 256).reshape(510, 1, 256)
    with (tmp_path / "rows.bin").open("wb") as file:
        np.savez(file, af_rows=rows)
    settings = FarmSettings(home=tmp_path, model=TOY, voices=tmp_path / "rows.bin", slots=1)
    engine = open_engine(resolve(settings), settings)
    say(engine, "a" * count, voice="af_rows", speed=1.25)
    engine.close()
    assert fed[0]["style"].shape == (1, 256)
    assert set(fed[0]["style"].ravel()) == {count}
    assert fed[0]["speed"].tolist() == [1.25]


def test_a_blend_is_mixed_once_and_its_mean_is_what_the_model_gets(
    opened: Open, fed: list[dict[str, np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed: list[str] = []
    really = voicebank.style

    def counting(bank: Any, voice: str) -> Any:
        mixed.append(voice)
        return really(bank, voice)

    monkeypatch.setattr(voicebank, "style", counting)
    engine, bank = opened(), voicebank.load(TOY_VOICES)
    for lane in (*LANES, *LANES):
        say(engine, lane=lane, voice="af_heart*3+bf_emma")
    assert mixed == ["af_heart*3+bf_emma"]
    row = len(HELLO) - 1
    wanted = 0.75 * bank["af_heart"][row] + 0.25 * bank["bf_emma"][row]
    assert len(fed) == 4
    for feed in fed:
        assert feed["style"] == pytest.approx(wanted, abs=1e-6)


def test_a_fractional_speed_reaches_the_model(opened: Open) -> None:
    engine = opened()
    lengths = [len(say(engine, speed=speed).audio) for speed in (0.5, 0.8, 1.0, 2.0)]
    assert lengths == [(len(HELLO) + 2) * frames * 600 for frames in (4, 2, 2, 1)]


@pytest.mark.parametrize(
    ("wishes", "error", "sentence"),
    [
        ({"voice": "af_haert"}, OptionError, "Voice 'af_haert' is unknown: did you mean af_heart or af_bella?"),
        (
            {"voice": "af_heart+bf_ema"},
            OptionError,
            "Voice 'bf_ema' in 'af_heart+bf_ema' is unknown: did you mean bf_emma?",
        ),
        (
            {"phonemes": "hə❓l1o"},
            FarmError,
            "The model has no token for '1', '❓'; please report it.",
        ),
        (
            {"phonemes": "a\nb"},
            FarmError,
            r"The model has no token for '\n'; please report it.",
        ),
        ({"phonemes": ""}, FarmError, "A segment without phonemes reached the model: please report it."),
        ({"phonemes": "  "}, FarmError, "A segment without phonemes reached the model: please report it."),
        (
            {"phonemes": "a" * 511},
            FarmError,
            "A segment of 511 tokens reached the model, which takes 510: please report it.",
        ),
        ({"speed": 2.5}, OptionError, "Speed 2.5 is beyond the model: choose 0.5 to 2.0."),
        ({"speed": float("nan")}, OptionError, "Speed nan is beyond the model: choose 0.5 to 2.0."),
    ],
)
def test_unspeakable_utterances_are_refused_before_the_model_runs(
    opened: Open, fed: list[dict[str, np.ndarray]], wishes: dict[str, Any], error: type[ChorusError], sentence: str
) -> None:
    with pytest.raises(error) as caught:
        say(opened(), **wishes)
    assert str(caught.value) == sentence
    assert fed == []


def broken(path: Path, *, audio: str, duration: str = "duration = Add(nothing, twos)") -> Path:
    """A model of Kokoro's shape that returns whatever `audio` computes."""
    path.write_bytes(
        parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]>
        broken (int64[1,n] tokens, float[1,256] style, float[1] speed) => (float[s] audio, int64[1,n] duration)
        {{
          nothing = Sub(tokens, tokens)
          twos = Constant <value = int64[1] {{2}}> ()
          zero = Constant <value = float {{0}}> ()
          half = Constant <value = float {{0.5}}> ()
          shape = Shape <start = 1> (tokens)
          each = Constant <value = int64[1] {{1200}}> ()
          samples = Mul(shape, each)
          flat = Constant <value = int64[1] {{-1}}> ()
          none = Constant <value = int64[1] {{0}}> ()
          ten = Constant <value = int64[1] {{10}}> ()
          hundred = Constant <value = int64[1] {{100}}> ()
          scalar = Constant <value = int64[0] {{}}> ()
          two_samples = Constant <value = int64[1] {{2}}> ()
          swing = Constant <value = float[2] {{1, -1}}> ()
          pairs = Div(samples, two_samples)
          waves = Tile(swing, pairs)
          {audio}
          {duration}
        }}""").SerializeToString()
    )
    return path


LOUD = "audio = Mul(half, waves)"


@pytest.mark.parametrize(
    ("graph", "sentence"),
    [
        ({"audio": "audio = Expand(zero, samples)"}, "was silent"),
        ({"audio": "nan = Div(zero, zero) audio = Expand(nan, samples)"}, "not numbers"),
        ({"audio": "inf = Div(half, zero) audio = Expand(inf, samples)"}, "not numbers"),
        ({"audio": "audio = Expand(half, ten)"}, r"0\.00 s for 14 tokens"),
        ({"audio": "long = Mul(samples, hundred) audio = Expand(half, long)"}, r"80\.00 s for 14 tokens"),
        ({"audio": "audio = Expand(half, none)"}, "no audio"),
        ({"audio": "audio = Reshape(half, scalar)"}, r"of shape \[\]"),
        ({"audio": "two = Concat <axis = 0> (twos, samples) audio = Expand(half, two)"}, r"of shape \[2, 19200\]"),
        ({"audio": "audio = Expand(half, samples)"}, "0.50 away from zero"),
        ({"audio": "audio = Add(waves, waves)"}, "100% of what the model returned for .* is at full scale"),
        ({"audio": LOUD, "duration": "duration = Identity(nothing)"}, "no lengths of time"),
        ({"audio": LOUD, "duration": "duration = Sub(nothing, twos)"}, "no lengths of time"),
    ],
)
def test_invalid_audio_is_refused(tmp_path: Path, opened: Open, graph: dict[str, str], sentence: str) -> None:
    engine = opened(broken(tmp_path / "broken.onnx", **graph))
    with pytest.raises(AudioError, match=sentence):
        say(engine)


SILENT = "audio = Expand(zero, samples)"


def refused(engine: KokoroEngine, times: int, lane: Lane = "bulk") -> None:
    for _ in range(times):
        with pytest.raises(AudioError, match="was silent"):
            say(engine, lane=lane)


def test_after_three_invalid_results_a_lanes_session_is_reopened(
    tmp_path: Path, opened: Open, born: list[ort.InferenceSession], caplog: pytest.LogCaptureFixture
) -> None:
    model = broken(tmp_path / "voice.onnx", audio=SILENT)
    engine = opened(model)
    refused(engine, 2)
    model.write_bytes(TOY.read_bytes())
    refused(engine, 1)
    assert tokens_in(say(engine)) == ids(HELLO)
    assert len(born) == 3
    assert "The session of the lane bulk is opened again, because it returned no speech 3 times in a row" in caplog.text
    refused(engine, 1, "live")


def test_a_reopened_session_that_also_fails_is_not_reopened_again(
    tmp_path: Path, opened: Open, born: list[ort.InferenceSession]
) -> None:
    engine = opened(broken(tmp_path / "voice.onnx", audio=SILENT))
    refused(engine, 8)
    assert len(born) == 3


def test_a_lane_whose_model_file_is_missing_keeps_its_session(tmp_path: Path, opened: Open) -> None:
    model = broken(tmp_path / "voice.onnx", audio=SILENT)
    engine = opened(model)
    model.unlink()
    refused(engine, 3)
    assert not say(engine, "…! —").audio.any()


def test_punctuation_alone_may_be_silent(tmp_path: Path, opened: Open) -> None:
    engine = opened(broken(tmp_path / "broken.onnx", audio="audio = Expand(zero, samples)"))
    assert not say(engine, "…! —").audio.any()


def test_a_failing_model_gives_one_sentence_and_the_lane_goes_on(tmp_path: Path, opened: Open) -> None:
    # Reshaping one number into ten fails as soon as there are not exactly ten tokens with their pads.
    engine = opened(broken(tmp_path / "broken.onnx", audio=f"ten_only = Reshape(tokens, ten) {LOUD}"))
    with pytest.raises(FarmError, match=r"The model failed on 'aaaaa' \(.*Reshape"):
        say(engine, "aaaaa", "live")
    assert say(engine, "aaaaaaaa", "live").audio.any()
    assert [(lane.served, lane.failures) for lane in engine.health()] == [(0, 0), (1, 1)]


def test_a_listener_is_served_while_books_fill_their_lane(opened: Open) -> None:
    engine = opened(slots=1)
    began, release = threading.Event(), threading.Event()

    def book() -> None:
        began.set()
        release.wait()

    with ThreadPoolExecutor(1) as caller:
        reading = caller.submit(engine._synthesizers.spare.lane.run, book)
        began.wait()
        assert tokens_in(say(engine, lane="live")) == ids(HELLO)
        assert not reading.done()
        release.set()


def test_inference_runs_on_the_lanes_own_threads_and_nothing_else_does(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    niceness: list[int] = []
    really = ort.InferenceSession.run

    def telling(self: ort.InferenceSession, *args: Any) -> Any:
        ran.append(threading.current_thread().name)
        niceness.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return really(self, *args)

    monkeypatch.setattr(ort.InferenceSession, "run", telling)
    engine = opened()
    say(engine, lane="bulk")
    say(engine, lane="live")
    assert [name.rpartition("_")[0] for name in ran] == ["lane-bulk", "lane-live"]
    if sys.platform == "linux":
        assert niceness == [NICEST, os.getpriority(os.PRIO_PROCESS, threading.get_native_id())]


def test_the_sessions_share_one_set_of_voices(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[Path] = []
    really = voicebank.load

    def counting(path: Path) -> Any:
        loads.append(path)
        return really(path)

    engine_of_before = opened()
    say(engine_of_before)
    monkeypatch.setattr(voicebank, "load", counting)
    engine = opened()
    for lane in LANES:
        say(engine, lane=lane)
    assert loads == [TOY_VOICES]


def test_a_closed_engine_frees_its_sessions_though_it_is_still_referenced(
    opened: Open, born: list[ort.InferenceSession]
) -> None:
    engine = opened()
    engine.warm_up()
    sessions = [weakref.ref(session) for session in born]
    born.clear()
    gc.disable()
    try:
        engine.close()
        # A reset opens new sessions while the old engine is still installed: two models would need twice the memory.
        assert [session() for session in sessions] == [None, None]
    finally:
        gc.enable()


def test_a_closed_engine_refuses_and_leaves_no_thread(opened: Open) -> None:
    engine = opened()
    engine.warm_up()
    engine.close()
    with pytest.raises(FarmError, match="engine is closed"):
        say(engine)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lane-")]


SPEAK_AND_LOG = """
import logging, sys, tempfile
from pathlib import Path
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
from broker.settings import FarmSettings
from tasks.engine import Utterance
from workers.engine.opening import open_engine
from workers.models.resolving import resolve

toy, voices, phonemes = sys.argv[1:]
with tempfile.TemporaryDirectory() as home:
    settings = FarmSettings(home=Path(home), model=Path(toy), voices=Path(voices), slots=1)
    engine = open_engine(resolve(settings), settings)
    engine.speak(Utterance(phonemes=phonemes, voice="af_heart"), "bulk")
    engine.close()
print(*(name for name in sys.modules if name.partition(".")[0] in ("kokoro_onnx", "phonemizer")))
print(*(name for name, one in logging.root.manager.loggerDict.items() if getattr(one, "handlers", None)))
"""


def test_no_text_is_logged_and_no_library_logs_past_the_worker() -> None:
    environment = {**os.environ, "LOG_LEVEL": "DEBUG", "PYTHONPATH": str(TOY.parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", SPEAK_AND_LOG, TOY, TOY_VOICES, HELLO],
        env=environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert HELLO not in done.stderr, "phonemes are somebody's text"
    assert done.stdout.split() == [], "a model with its own vocabulary needs neither the library nor its log handler"


def test_each_session_is_warmed_with_its_own_utterance(opened: Open, fed: list[dict[str, np.ndarray]]) -> None:
    rounds = [one.round for one in opened().warm_up()]
    assert [one.lane for one in rounds] == ["bulk", "live"]
    assert len(fed) == len(rounds)
    for one, feed in zip(rounds, fed, strict=True):
        assert 1 <= feed["tokens"].size - 2 <= one.tokens


def test_a_keep_alive_run_gives_way_to_a_request_and_does_not_count(tmp_path: Path, opened: Open) -> None:
    # About ten seconds of a model that works through a hundred thousand small nodes.
    engine = opened(build(tmp_path / "slow.onnx", work=100_000), slots=1)
    synthesizer = engine._synthesizers.spare
    style = voicebank.load(TOY_VOICES)["af_heart"]
    quick = Utterance(phonemes="a", voice="af_heart")
    with ThreadPoolExecutor(1) as keeper:
        beating = keeper.submit(synthesizer.keep_alive, lambda _tokens: (quick, style), idle_s=0)
        wait_until(lambda: synthesizer.use._silent_run is not None, description="it speaks to nobody")
        began_s = time.monotonic()
        with synthesizer.use.in_use():
            assert beating.result(5) is False
        assert time.monotonic() - began_s < 5, "it was heard out"
    assert (synthesizer.use.counts().beats, synthesizer.use.counts().broken) == (0, 1)
    assert [(lane.served, lane.failures) for lane in engine.health()] == [(0, 0), (0, 0)]


def test_memory_of_a_book_is_kept_for_the_next_segment_and_no_longer(opened: Open, runs: list[str]) -> None:
    engine = opened(lanes="bulk")
    for phonemes in (HELLO, HELLO, "a" * (KEPT_TOKENS + 1)):
        say(engine, phonemes)
    assert runs == ["keeping", "keeping", "shrinking"], "what a long segment took is more than others need"
    assert not engine.settle(idle_s=0), "there is nothing to give"
    say(engine)
    assert not engine.settle(), "somebody was here a moment ago"
    assert engine.settle(idle_s=0)
    assert runs[3:] == ["keeping", "shrinking"]
    assert not engine.settle(idle_s=0), "there is nothing more to give"
    assert engine.beaten()["bulk"] == BeatCounts(), "that was no keep-alive"


def test_the_memory_of_the_longest_segment_is_returned(
    tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MISCHIEF, "memory", (MISCHIEF["memory"][0], 2**25))  # 128 MiB instead of 5 GiB
    engine = opened(build(tmp_path / "large.onnx", fault="memory", token=ids("b")[0]), lanes="bulk", slots=1)
    say(engine, "ha")
    engine.settle(idle_s=0)

    def grown_mb(before: int = psutil.Process().memory_info().rss) -> float:
        return (psutil.Process().memory_info().rss - before) / 1e6

    for large in ("hab", "b" + "a" * KEPT_TOKENS):
        say(engine, large)
        assert grown_mb() > 100, "or this test proves nothing"
        say(engine, "ha")
        assert engine.settle(idle_s=0)
        assert grown_mb() < 30


def test_memory_for_a_listeners_first_segment_is_always_allocated(
    opened: Open, runs: list[str], fed: list[dict[str, np.ndarray]]
) -> None:
    engine = opened(lanes="both")
    synthesizer = engine._synthesizers.of("live")[0]
    assert engine.settle(idle_s=0)
    assert (runs, fed[-1]["tokens"].size - 2) == (["keeping"], FIRST_TOKENS)
    assert not engine.settle(idle_s=0), "it is there"
    for tokens in (FIRST_TOKENS // 2, FIRST_TOKENS, 2 * FIRST_TOKENS):
        say(engine, "a" * tokens, lane="live")
        assert not engine.settle(idle_s=0), "what a short answer takes is not worth giving back"
    assert synthesizer.keep_alive(partial(engine._silent, synthesizer), idle_s=0)
    assert set(runs) == {"keeping"}
    say(engine, "a" * (2 * FIRST_TOKENS + 1), lane="live")
    assert engine.settle(idle_s=0)
    assert runs[-2:] == ["shrinking", "keeping"]
    say(engine, "a" * (KEPT_TOKENS + 1), lane="live")
    assert engine.settle(idle_s=0)
    assert runs[-2:] == ["shrinking", "keeping"]
    assert not engine.settle(idle_s=0)
    assert FIRST_TOKENS == 2 * LIVE_FIRST_TOKENS


def test_a_process_that_must_be_small_returns_all_memory(opened: Open, runs: list[str]) -> None:
    engine = opened(lanes="both")
    say(engine)
    say(engine, lane="live")
    assert engine.give_back()
    assert runs[2:] == ["shrinking", "shrinking"]
    assert not engine.give_back()


def test_memory_used_meanwhile_is_returned_later(opened: Open) -> None:
    engine = opened(lanes="bulk")
    synthesizer = engine._synthesizers.spare
    say(engine)
    with synthesizer.use.in_use():
        assert not engine.settle(idle_s=0)
    assert engine.settle(idle_s=0)


def test_an_undisturbed_keep_alive_run_keeps_each_session_warm(opened: Open, fed: list[dict[str, np.ndarray]]) -> None:
    engine = opened()
    assert [beat() for beat in engine.beats()] == [False, False], "they were opened a moment ago"
    assert [beat(idle_s=0) for beat in engine.beats()] == [True, True]
    assert len(fed) == 2
    assert {name: counts.beats for name, counts in engine.beaten().items()} == {"bulk": 1, "live": 1}
    assert [lane.served for lane in engine.health()] == [0, 0]
