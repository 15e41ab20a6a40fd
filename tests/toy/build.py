"""Builds the toy voice: a Kokoro-shaped model of a few kilobytes whose waveform spells out its token ids.

    python tests/toy/build.py        # writes toy.onnx and toy-voices.bin beside this file

Knows nothing of speech; `decode.py` is its other half.
"""

import json
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from kokoro_onnx.config import DEFAULT_VOCAB
from onnx import parser

HERE = Path(__file__).parent
MODEL, VOICES = HERE / "toy.onnx", HERE / "toy-voices.bin"
VOICE_NAMES = ("af_bella", "af_heart", "am_adam", "bf_emma")

# A token sounds for round(2 / speed) frames of 600 samples: half of them at +level, half at -level, so that equal
# neighbours stay apart whatever the speed, and nothing has DC. The sign adds 32 steps to every token but the pad:
# the quietest token is still far from silence, the loudest below full scale.
GRAPH = """
<ir_version: 8, opset_import: ["" : 17], producer_name: "chorus">
toy_voice (int64[1,n] tokens, float[1,256] style, float[1] speed) => (float[samples] audio, int64[n] duration)
{
  flat = Constant <value = int64[1] {-1}> ()
  ids = Reshape (tokens, flat)

  two = Constant <value = float[1] {2}> ()
  wanted = Div (two, speed)
  rounded = Round (wanted)
  one = Constant <value = float[1] {1}> ()
  at_least_one = Max (rounded, one)
  frames = Cast <to = 7> (at_least_one)
  n = Shape (ids)
  duration = Expand (frames, n)

  steps = Cast <to = 1> (ids)
  audible = Sign (steps)
  lift = Constant <value = float[1] {32}> ()
  lifted = Mul (audible, lift)
  raised = Add (steps, lifted)
  scale = Constant <value = float[1] {256}> ()
  levels = Div (raised, scale)
  as_cube = Constant <value = int64[3] {-1, 1, 1}> ()
  level_cube = Reshape (levels, as_cube)
  up_and_down = Constant <value = float[1,2,1] {1, -1}> ()
  halves = Mul (level_cube, up_and_down)
  half_frame = Constant <value = int64[1] {300}> ()
  half = Mul (frames, half_frame)
  both = Constant <value = int64[2] {1, 1}> ()
  held_shape = Concat <axis = 0> (both, half)
  held = Expand (halves, held_shape)
  WORK
}
"""
NO_WORK = "audio = Reshape (held, flat)"
# The matrix comes from the style, so that nothing is known before the run; its rows sum to one, so that no number of
# products overflows; and of the result nothing is heard.
WORK = """spoken = Reshape (held, flat)
  zero = Constant <value = float {0}> ()
  blank = Mul (style, zero)
  width = Constant <value = float {0.00390625}> ()
  row = Add (blank, width)
  square = Constant <value = int64[2] {256, 256}> ()
  matrix = Expand (row, square)
  rounds = Constant <value = int64 {COUNT}> ()
  always = Constant <value = bool {1}> ()
  tired = Loop (rounds, always, matrix) <body = toil
    (int64 round, bool going, float[256,256] carried) => (bool on, float[256,256] next)
    {
      on = Identity (going)
      next = MatMul (carried, matrix)
    }>
  everything = ReduceMean <keepdims = 0> (tired)
  nothing = Mul (everything, zero)
  audio = Add (spoken, nothing)"""

# In every other segment the count is one, and nothing is different.
FAULT = """spoken = Reshape (held, flat)
  bad = Constant <value = int64[1] {TOKEN}> ()
  matches = Equal (ids, bad)
  marks = Cast <to = 7> (matches)
  struck = ReduceMax <keepdims = 1> (marks)
  too_many = Constant <value = int64[1] {COUNT}> ()
  many_or_none = Mul (struck, too_many)
  single = Constant <value = int64[1] {1}> ()
  count = Max (many_or_none, single)
  MISCHIEF
  summed = ReduceMax <keepdims = 0> (trouble)
  zero = Constant <value = float {0}> ()
  nothing = Mul (summed, zero)
  audio = Add (spoken, nothing)"""
HANG = """trips = ReduceMax <keepdims = 0> (count)
  always = Constant <value = bool {1}> ()
  trouble = Loop (trips, always, one) <body = toil
    (int64 round, bool going, float[1] carried) => (bool on, float[1] next)
    {
      on = Identity (going)
      next = Mul (carried, carried)
    }>"""
Fault = Literal["hang", "memory", "raise"]
MISCHIEF: dict[Fault, tuple[str, int]] = {
    "hang": (HANG, 2**62),
    "memory": ("trouble = Expand (one, count)", 5 * 2**28),
    "raise": ("trouble = Reshape (one, count)", 2),
}


def build(path: Path, *, work: int = 0, fault: Fault | None = None, token: int = 0) -> Path:
    """Write the toy voice to `path`; each unit of `work` is one product of 256 x 256 matrices per segment.

    A thousand are about 0.2 s of one fast core; the sound stays the same to the last sample. With a `fault` the model
    speaks as ever until it meets this token: then it hangs, asks for 5 GiB of memory, or raises.
    """
    text = GRAPH.replace("WORK", _work(work, fault, token))
    model = parser.parse_model(text)
    config = json.dumps({"vocab": DEFAULT_VOCAB}, ensure_ascii=False, separators=(",", ":"))
    onnx.helper.set_model_props(model, {"name": "toy voice", "kokoro_config": config})
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def _work(work: int, fault: Fault | None, token: int) -> str:
    if fault is not None:
        mischief, count = MISCHIEF[fault]
        return FAULT.replace("TOKEN", str(token)).replace("COUNT", str(count)).replace("MISCHIEF", mischief)
    return WORK.replace("COUNT", str(work)) if work else NO_WORK


def build_voices(path: Path) -> Path:
    """Write a voices file in the published format; every name's style is its own constant."""
    styles = {name: np.full((510, 1, 256), index / 8, np.float32) for index, name in enumerate(VOICE_NAMES)}
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **styles)
    return path


if __name__ == "__main__":
    build(MODEL)
    build_voices(VOICES)
