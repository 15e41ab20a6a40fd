"""Looks for bytes on which a parser breaks the law of parsers.py: by mutation of its seeds, and guided by coverage.

    ./bin/test fuzz                      an hour over all parsers
    CHORUS_FUZZ_S=600 ./bin/test fuzz    ten minutes

What breaks the law is printed with its bytes' path: mend it, and put the bytes into corpus/PARSER/, where the unit
tests find them.
"""

import importlib.util
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from parsers import PARSERS, check
from seeds import seeds

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# Read while the tests are collected: during a test no setting of the developer is seen.
TOTAL_S = float(os.environ.get("CHORUS_FUZZ_S", "3600"))
GUIDED_SHARE = 0.8
"""Of the time; the rest is for mutations without guidance."""
EXAMPLES = max(20, round(TOTAL_S * (1 - GUIDED_SHARE) / len(PARSERS) * 20))
BRACKETS = "<>&[](){}*_`|\"'/\\-=:;,.!?#@%$~^+ \n\t\r\0\u202e\u0301\U000e0001\ufeff0123456789aAIVX"


def mutated(draw: Callable[[st.SearchStrategy[int]], int], seed: bytes) -> bytes:
    """A seed with a few places cut out, doubled, filled or replaced."""
    chance, data = random.Random(draw(st.integers(0, 1 << 32))), bytearray(seed)
    for _ in range(chance.randint(1, 6)):
        at, length = chance.randint(0, len(data)), chance.choice((1, 1, 2, 4, 16, 64))
        part = bytes(data[at : at + length])
        filled = chance.choice(BRACKETS).encode() * chance.choice((1, 2, 40, 400))
        data[at : at + length * chance.randint(0, 1)] = chance.choice(
            (b"", part * 2, part * 50, filled, chance.randbytes(length), bytes(data[: length * 4]))
        )
    return bytes(data[:20_000])


@pytest.mark.timeout(0)
@pytest.mark.parametrize("parser", PARSERS)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_mutations_of_ordinary_inputs_keep_the_law(parser: str, data: st.DataObject) -> None:
    check(parser, mutated(data.draw, data.draw(st.sampled_from(seeds(parser)))))


@pytest.fixture(scope="session")
def fuzzer() -> str:
    """Where atheris can be imported from; it is installed beside the environment when it is first needed."""
    here = importlib.util.find_spec("atheris")
    if here and here.origin:
        return str(Path(here.origin).parents[1])
    folder = Path(sys.prefix) / "fuzz"
    if not (folder / "atheris").is_dir():
        wheels_only = ("--no-deps", "--only-binary", ":all:", "--require-hashes", "--target", folder)
        install = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", *wheels_only]
        subprocess.run([*install, "-r", HERE / "requirements.lock"], check=False)
    if not (folder / "atheris").is_dir():
        pytest.skip("atheris cannot be installed here: only mutations without guidance were tried")
    return str(folder)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("parser", PARSERS)
def test_inputs_that_reach_new_lines_keep_the_law(parser: str, fuzzer: str, tmp_path: Path) -> None:
    corpus, found = tmp_path / "corpus", Path(os.environ.get("CHORUS_FUZZ_FOUND", tmp_path / "found"))
    corpus.mkdir()
    found.mkdir(exist_ok=True)
    share_s = max(2, round(TOTAL_S * GUIDED_SHARE / len(PARSERS)))
    paths = (fuzzer, ROOT, ROOT / "tests", ROOT / "tests/unit", HERE)
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, HERE / "guided.py", parser, str(share_s), corpus, found]
    run = subprocess.run(command, check=False, capture_output=True, env=here, cwd=tmp_path)
    told = [f"{path}:\n{path.read_text()}" for path in found.glob(f"{parser}-*.why")]
    assert not told, "\n\n".join(told)
    # What is killed for its time or memory leaves its bytes behind.
    assert [path.name for path in found.glob(f"{parser}-*")] == []
    assert run.returncode == 0, run.stderr[-3000:].decode("utf-8", "replace")
