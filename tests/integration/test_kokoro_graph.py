"""The inputs and outputs of Kokoro's graph, compared with kokoro-onnx: the same samples and timings."""

import json
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from kokoro_onnx import Kokoro
from kokoro_onnx.config import DEFAULT_VOCAB
from kokoro_onnx.session import CONFIG_KEY
from numpy.typing import NDArray
from onnx import parser
from toy.build import MODEL, VOICES

from benchmarks import make_kokoro_shaped
from benchmarks.make_kokoro_shaped import Draw
from broker.settings import FarmSettings
from chorus.errors import FarmError, ModelError
from tasks.engine import Utterance
from workers import standin
from workers.engine.opening import open_engine
from workers.inference.constant_noise import fix
from workers.inference.kokoro_graph import VOCABULARY_KEY, KokoroGraph
from workers.inference.sessions import in_memory, open_session
from workers.models import voicebank
from workers.models.resolving import resolve

SAID = "ðə bˈoʊt ɪz hˈɪɹ, ænd nˈoʊbɑdi ɔn ðə lˈɔŋ pˈɪɹ wˈʌndɚd… wˈʌn! "
LENGTHS_AND_SPEEDS = [
    *((tokens, 1.0) for tokens in (1, 2, 15, 150, 509, 510)),
    *((60, speed) for speed in (0.5, 0.8, 1.3, 2.0)),
    (510, 2.0),
]

Spoken = tuple[NDArray[np.float32], list[tuple[str, float, float]]]


@dataclass(frozen=True)
class Pair:
    """One session, as we feed it and as kokoro-onnx does."""

    session: ort.InferenceSession
    graph: KokoroGraph
    kokoro: Kokoro
    styles: Any

    def ours(self, phonemes: str, voice: str, speed: float = 1.0) -> Spoken:
        outputs = self.session.run(None, self.graph.inputs(phonemes, self.styles[voice], speed))
        return self.graph.audio(outputs), list(self.graph.timings(outputs, phonemes))

    def theirs(self, phonemes: str, voice: str, speed: float = 1.0) -> Spoken:
        audio, _, timings = self.kokoro.create_timed(
            phonemes, voice=self.styles[voice], speed=speed,
            is_phonemes=True, trim=False, sentence_pause=0.0, clause_pause=0.0,
        )  # fmt: skip
        return audio, [(one.phoneme, one.start, one.end) for one in timings]

    def agree(self, phonemes: str, voice: str, speed: float = 1.0) -> Spoken:
        (audio, timings), (their_audio, their_timings) = (
            speak(phonemes, voice, speed) for speak in (self.ours, self.theirs)
        )
        assert audio.dtype == their_audio.dtype
        assert np.array_equal(audio, their_audio)
        assert timings == their_timings
        return audio, timings


def pair(session: ort.InferenceSession, voices: Path, model: Path = MODEL) -> Pair:
    # kokoro-onnx asks a session for its file, which one over a graph in memory has not.
    session._model_path = str(model)
    kokoro = Kokoro.from_session(session, str(voices))
    kokoro.voices.close()
    # Published tables differ from row to row, those of our small voices do not.
    rows = np.linspace(0.9, 1.1, voicebank.ROWS, dtype=np.float32)[:, None, None]
    styles = {name: table * rows for name, table in voicebank.load(voices).items()}
    return Pair(session=session, graph=KokoroGraph(session), kokoro=kokoro, styles=styles)


@pytest.fixture(scope="module", params=["toy voice", "stand-in voice"])
def voice(request: pytest.FixtureRequest) -> Pair:
    model, voices = (MODEL, VOICES) if request.param == "toy voice" else (standin.MODEL, standin.VOICES)
    return pair(open_session(model, threads=1), voices, model)


@pytest.fixture(scope="module")
def shaped() -> Pair:
    """Kokoro's own graph with random weights, and with constant noise: it speaks the same twice."""

    def repeated(_name: str, shape: tuple[int, ...], draw: Draw) -> NDArray[np.float32]:
        # A new number for each of the 81 million weights would take longer than the test.
        numbers = np.random.default_rng(1).standard_normal(65_521)
        return np.resize((draw.centre + draw.spread * numbers).astype(np.float32), shape)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make_kokoro_shaped, "weights", repeated)
        model = make_kokoro_shaped.fill(onnx.load(make_kokoro_shaped.SKELETON))
    fix(model)
    return pair(in_memory(model.SerializeToString(), threads=2), standin.VOICES)


def said(tokens: int) -> str:
    phonemes = "".join(islice(cycle(SAID), tokens))
    return phonemes if not phonemes.endswith(" ") else f"{phonemes[:-1]}."


@pytest.mark.parametrize(("tokens", "speed"), LENGTHS_AND_SPEEDS)
def test_samples_and_timings_are_those_of_kokoro_onnx(voice: Pair, tokens: int, speed: float) -> None:
    _, timings = voice.agree(said(tokens), "af_heart", speed)
    assert "".join(symbol for symbol, _, _ in timings) == said(tokens)


@pytest.mark.parametrize(("tokens", "speed"), [(1, 1.0), (6, 1.3)])
def test_kokoros_own_graph_gives_the_same_result_as_with_kokoro_onnx(shaped: Pair, tokens: int, speed: float) -> None:
    audio, timings = shaped.agree(said(tokens), "bm_george", speed)
    assert audio.any()
    assert len(timings) == tokens


@pytest.mark.parametrize(
    ("phonemes", "spoken"),
    [
        ("  hˈɛlO  ", "hˈɛlO"),
        ("hˈɛlO \n\t  wˈɜɹld", "hˈɛlO wˈɜɹld"),
        ("hˈ❓ɛl1O", "hˈɛlO"),
        ("hˈɛlO ❓ wˈɜɹld", "hˈɛlO  wˈɜɹld"),
        ("h\u2029O", "h O"),
    ],
)
def test_blanks_and_unknown_symbols_are_treated_as_kokoro_onnx_treats_them(
    voice: Pair, phonemes: str, spoken: str
) -> None:
    _, timings = voice.agree(phonemes, "af_heart")
    assert "".join(symbol for symbol, _, _ in timings) == voice.graph.spoken(phonemes) == spoken


@pytest.mark.parametrize("phonemes", ["", "  \n", "❓1"])
def test_phonemes_without_any_known_symbol_are_refused(voice: Pair, phonemes: str) -> None:
    with pytest.raises(ValueError, match="phonemes"):
        voice.theirs(phonemes, "af_heart")
    with pytest.raises(FarmError, match=r"^Nothing of these phonemes is in the model's vocabulary"):
        voice.ours(phonemes, "af_heart")


def test_every_symbol_of_the_vocabulary_becomes_the_token_of_kokoro_onnx(voice: Pair) -> None:
    everything = "".join(voice.graph.vocabulary)
    assert dict(voice.graph.vocabulary) == voice.kokoro.tokenizer.vocab
    tokens = voice.graph.inputs(f"a{everything}a", voice.styles["af_heart"], 1.0)["tokens"]
    assert tokens.tolist() == [[0, *voice.kokoro.tokenizer.tokenize(f"a{everything}a"), 0]]


@pytest.mark.parametrize("lane", ["bulk", "live"])
def test_what_the_engine_returns_is_what_kokoro_onnx_returns(voice: Pair, lane: Any, tmp_path: Path) -> None:
    model = Path(voice.session._model_path)
    voices = VOICES if model == MODEL else standin.VOICES
    settings = FarmSettings(home=tmp_path, model=model, voices=voices, slots=1)
    engine = open_engine(resolve(settings), settings)
    speech = engine.speak(Utterance(phonemes=said(60), voice="af_heart*2+bf_emma", speed=1.2), lane)
    engine.close()
    blend = voicebank.style(voicebank.load(voices), "af_heart*2+bf_emma")
    audio, _, timings = voice.kokoro.create_timed(
        said(60), voice=blend, speed=1.2, is_phonemes=True, trim=False, sentence_pause=0.0, clause_pause=0.0
    )
    # The stand-in's convolutions may be added up in another order by another number of threads.
    assert speech.audio == pytest.approx(audio, abs=1e-5)
    assert list(speech.timings) == [(one.phoneme, one.start, one.end) for one in timings]


ALL = "int64[1,n] tokens, float[1,256] style, float[1] speed"


def written(
    inputs: str = ALL,
    outputs: str = "float[s] audio, int64[n] duration",
    tokens: str = "tokens",
    vocabulary: str | None = None,
) -> ort.InferenceSession:
    """A graph of two frames for each token, whose edges lie between samples: 100 for each token, and four more."""
    duration = "flat = Constant <value = int64[1] {-1}> () ids = Reshape(plain, flat) none = Sub(ids, ids) "
    duration += "two = Constant <value = int64[1] {2}> () duration = Add(none, two)"
    model = parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]>
        written ({inputs}) => ({outputs})
        {{
          plain = Cast <to = 7> ({tokens})
          {duration if "duration" in outputs else ""}
          shape = Shape <start = 1> (plain)
          each = Constant <value = int64[1] {{100}}> ()
          most = Mul(shape, each)
          four = Constant <value = int64[1] {{4}}> ()
          samples = Add(most, four)
          half = Constant <value = float {{0.5}}> ()
          audio = Expand(half, samples)
        }}""")
    if vocabulary is not None:
        model.metadata_props.add(key=CONFIG_KEY, value=vocabulary)
    return in_memory(model.SerializeToString())


def test_a_model_without_durations_speaks_and_has_no_timings() -> None:
    silent_on_time = pair(written(outputs="float[s] audio"), VOICES)
    audio, timings = silent_on_time.agree("hˈɛlO", "af_heart")
    assert (audio.size, timings) == (704, [])


@pytest.mark.parametrize(
    ("name", "kind"), [("tokens", "int64"), ("tokens", "int32"), ("input_ids", "int64"), ("input_ids", "int32")]
)
@pytest.mark.parametrize("floats", ["float", "float16", "double"])
def test_inputs_have_the_names_and_types_that_the_graph_declares(name: str, kind: str, floats: str) -> None:
    session = written(f"{kind}[1,n] {name}, {floats}[1,256] style, {floats}[1] speed", tokens=name)
    ours = pair(session, VOICES)
    ours.agree("hˈɛlO", "af_heart", 0.8)
    given = ours.graph.inputs("hˈɛlO", ours.styles["af_heart"], 0.8)
    kinds = {"float": "float32", "float16": "float16", "double": "float64"}
    assert {key: value.dtype.name for key, value in given.items()} == {
        name: kind, "style": kinds[floats], "speed": kinds[floats],
    }  # fmt: skip


def test_a_model_with_an_integer_speed_is_refused() -> None:
    with pytest.raises(ModelError, match="whole numbers for its speed"):
        KokoroGraph(written("int64[1,n] tokens, float[1,256] style, int32[1] speed"))


@pytest.mark.parametrize(
    ("vocabulary", "known", "warned"),
    [
        (None, DEFAULT_VOCAB, False),
        (json.dumps({"vocab": {"x": 7, "y": 8}}), {"x": 7, "y": 8}, False),
        ("no json", DEFAULT_VOCAB, True),
        ("{}", DEFAULT_VOCAB, True),
        ("[]", DEFAULT_VOCAB, True),
    ],
)
def test_the_vocabulary_is_the_models_own_or_that_of_kokoro_onnx(
    vocabulary: str | None, known: dict[str, int], warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    assert KokoroGraph(written(vocabulary=vocabulary)).vocabulary == known
    assert ("vocabulary in the model's metadata cannot be read" in caplog.text) == warned
    assert VOCABULARY_KEY == CONFIG_KEY


def test_samples_are_a_copy_that_holds_none_of_the_sessions_memory(voice: Pair) -> None:
    outputs = voice.session.run(None, voice.graph.inputs("hˈɛlO", voice.styles["af_heart"], 1.0))
    audio = voice.graph.audio(outputs)
    assert not np.shares_memory(audio, outputs[0])
    assert audio.ndim == 1
