"""The structure of the code: every module is in a room, has a unique name, says what it is for, and stays small."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("chorus", "broker", "tasks", "workers")
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 300, 60
# Modules that were named after what they are like. Each has another name now.
FORMER_MODULES = frozenset(
    [
        "alone",
        "apart",
        "booth",
        "breath",
        "care",
        "life",
        "lineup",
        "looking",
        "orders",
        "pieces",
        "remembered",
        "shelf",
        "spans",
        "speaker",
        "speech",
        "strikes",
        "tagger",
        "tagging",
        "tend",
        "tending",
        "tongue",
        "tongues",
        "usage",
        "using",
    ]
)
FORMER_NAMES = frozenset(
    ["Booth", "Booths", "Lineup", "Shelf", "Strikes", "flights", "errands", "heed", "heed_listeners", "tend"]
)
# What people type, and the two settings modules that extend each other.
SAME_NAME = {"commands", "settings"}


def modules() -> list[Path]:
    return [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]


def names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


@pytest.fixture(params=modules(), ids=lambda path: str(path.relative_to(ROOT)))
def module(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_a_module_is_small_and_says_what_it_is_for(module: Path) -> None:
    text = module.read_text("utf-8")
    tree = ast.parse(text)
    assert text.count("\n") <= MOST_LINES
    assert ast.get_docstring(tree), "no docstring"
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [one.name for one in functions if (one.end_lineno or 0) - one.lineno >= MOST_LINES_OF_A_FUNCTION] == []


def test_no_former_name_is_left(module: Path) -> None:
    assert FORMER_NAMES.isdisjoint(names(ast.parse(module.read_text("utf-8"))))


def test_no_former_module_is_left_in_code_tests_or_lua() -> None:
    named = [*modules(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "broker" / "lua").glob("*.lua")]
    assert [path for path in named if path.stem.removeprefix("test_") in FORMER_MODULES] == []


def test_no_page_names_a_former_module() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    former = [f"{folder}/{name}" for name in FORMER_MODULES for folder in ("workers", "tasks", "broker/lua")]
    assert [(page.name, name) for page in pages for name in former if f"{name}.py" in page.read_text("utf-8")] == []


def test_two_modules_or_classes_never_share_a_name() -> None:
    stems = Counter(path.stem for path in modules() if path.name != "__init__.py" and path.stem not in SAME_NAME)
    classes = Counter(
        node.name
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, times in (stems + classes).items() if times > 1] == []
