"""Every sentence that an error of the house carries says what to do. A new one that does not is found here."""

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from remedies import names_a_remedy

from chorus.errors import AudioError, ChorusError

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("chorus", "broker", "tasks", "workers")


def errors() -> frozenset[type[ChorusError]]:
    """All errors of the house."""
    for path in sources():
        if re.search(r"^class \w+\(\w*Error\)", path.read_text("utf-8"), re.MULTILINE):
            module_of(path)
    found: set[type[ChorusError]] = set()
    rest: list[type[ChorusError]] = [ChorusError]
    while rest:
        kind = rest.pop()
        found.add(kind)
        rest += kind.__subclasses__()
    return frozenset(found)


def sources() -> list[Path]:
    return sorted(one for package in PACKAGES for one in (ROOT / package).rglob("*.py"))


def module_of(path: Path) -> Any:
    return importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))


@cache
def raised() -> tuple[tuple[Path, ast.Call], ...]:
    """Every place where an error of the house is made with a sentence."""
    return tuple(_raised())


def _raised() -> Iterator[tuple[Path, ast.Call]]:
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args and _name(node.func) in KINDS:
                yield path, node


def _name(func: ast.expr) -> str:
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""


def template(sentence: ast.expr, path: Path) -> str | None:
    """The sentence with `X` for what is filled in, or None if it is made elsewhere."""
    if isinstance(sentence, ast.Constant):
        return str(sentence.value)
    if isinstance(sentence, ast.Name):
        value = getattr(module_of(path), sentence.id, None)
        return value if isinstance(value, str) else None
    if isinstance(sentence, ast.JoinedStr):
        return "".join(_part(part, path) for part in sentence.values)
    return None


def _part(part: ast.expr, path: Path) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    if ast.unparse(part.value).endswith(("error", "stop")):
        return "X."
    if "remedy" in ast.unparse(part.value):
        # For a reader of the code it is the remedy, and so for this test.
        return "give one "
    if isinstance(part.value, ast.Name):
        value = getattr(module_of(path), part.value.id, None) if part.value.id.isupper() else None
        return value if isinstance(value, str) else "X"
    return "X"


ENDED_ELSEWHERE: Final = {
    "PackageError": "who fetches names the remedy, one for all packages",
    "RefusedMessageError": "a part of a sentence about a message, for a log and for `status`",
    "StepFailedError": "the sentence of another error, for Flower",
}
ELSEWHERE: Final = {
    # Their sentences are made by functions, which this test reads as well, or are those of other errors.
    "_unknown(job)", "_unknown(prefix)", "_unknown(name, known)", "self.no_command(ctx, word)",
    "_sentence(error, connection)", "_sentence(shape, connection)", "cls._refused(error.errors()[0])", "blocked",
    "sentence", "f'it ended with {process.returncode}' if process.returncode else 'it does not answer'",
    "f'Job {self._job} ended without its audio: {reason}{stop}'", "f'{path}: {error}'", "NOTHING_RUNS",
    "sentence + again", "labels.sentence(str(error))",
    "labels.sentence(f'{name} holds no text that could be spoken{beside}: {_REMEDY}')",
}  # fmt: skip
"""What is raised with a sentence that is not written where it is raised."""
KINDS: Final = {kind.__name__: kind for kind in errors()}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_sentence_says_what_to_do(package: str) -> None:
    silent = []
    for path, call in raised():
        kind = KINDS[_name(call.func)]
        known = kind.__name__ in ENDED_ELSEWHERE or ast.unparse(call.args[0]) in ELSEWHERE
        if path.relative_to(ROOT).parts[0] != package or known:
            continue
        sentence = template(call.args[0], path)
        assert sentence is not None, f"{path}:{call.lineno} raises a sentence that is made elsewhere: name it above."
        if not names_a_remedy(f"{sentence} {kind.remedy}"):
            silent.append(f"{path.relative_to(ROOT)}:{call.lineno}: {sentence}")
    assert silent == []


def test_every_exception_above_is_still_there() -> None:
    assert {ast.unparse(call.args[0]) for _, call in raised()} >= ELSEWHERE


@pytest.mark.parametrize(
    ("sentence", "has"),
    [
        ("book.epub does not exist: check the name.", True),
        ("Voice 'x' is unknown: did you mean y?", True),
        ("No voice worker is registered: start one with `celery -A workers.voice worker`.", True),
        ("Job a1 failed: the disk was full. `chorus retry a1` goes on from there.", True),
        ("The store is full (no space left): free some space.", True),
        ("book.epub cannot be read (permission denied).", False),
        ("The port 5 is taken.", False),
        ("The lexicon is too large: 512 KB are the most.", False),
        ("Read the page: it is empty.", False),
    ],
)
def test_a_remedy_is_told_from_a_finding(sentence: str, has: bool) -> None:
    assert names_a_remedy(sentence) is has


def test_an_error_with_a_remedy_of_its_kind_ends_with_it() -> None:
    assert str(AudioError("The model was silent.")).endswith(f"silent. {AudioError.remedy}")
