"""The documents are true: their links, tests, settings and commands exist, and no row is missing."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.main import get_command

import chorus
from broker.settings import FarmSettings, table
from chorus import wishes
from chorus.request import WISHES
from chorus.settings import FARM_FIELDS, PREFIX, ClientSettings
from workers.commands import app

ROOT = Path(__file__).parents[2]
PACKAGES = ("chorus", "broker", "tasks", "workers")
SETTINGS_MODULES = (ROOT / "chorus" / "settings.py", ROOT / "broker" / "settings.py")
ROWS = range(1, 95)
README_LINES = 120
FILE = re.compile(r"`((?:benchmarks|bin|broker|chorus|docs|tasks|tests|workers)/[\w./-]+\.\w+)(?:::\w+)?`")
TEST_ID = re.compile(r"tests/[\w/]+\.py::\w+")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
VARIABLE = re.compile(rf"\b{PREFIX}[A-Z][A-Z_]*[A-Z]\b")
CODE = re.compile(r"(`+)(?!`)[^\n]*?(?<!`)\1(?!`)")
COMMAND = re.compile(r"(?:`|^)(?:\./bin/)?chorus ((?:models )?[a-z]+)\b(?![./])")


def pages() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "NOTICE"]


def sources() -> list[Path]:
    return [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*")) if path.suffix in (".py", ".lua")]


@pytest.fixture(params=pages(), ids=lambda path: path.name)
def page(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def anchors(page: Path) -> set[str]:
    """What a link may point to: headings as GitHub writes them."""
    headings = HEADING.findall(page.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    # What stands in backticks shows how something is written, and leads nowhere.
    for link in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if target.startswith(("http://", "https://")):
            continue
        if not path.exists() or (anchor and anchor not in anchors(path)):
            yield link


def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


def test_every_test_that_is_named_is_there(page: Path) -> None:
    missing = [
        name for name in TEST_ID.findall(page.read_text("utf-8")) if name.partition("::")[2] not in known_tests(name)
    ]
    assert missing == []


@cache
def functions_of(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def known_tests(name: str) -> frozenset[str]:
    path = ROOT / name.partition("::")[0]
    collected = path.name.startswith("test_") and path.exists()
    return frozenset(one for one in functions_of(path) if one.startswith("test_")) if collected else frozenset()


def test_every_file_that_is_named_is_there(page: Path) -> None:
    named = {match[1] for match in FILE.finditer(page.read_text("utf-8"))}
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_no_mechanism_is_forgotten() -> None:
    text = (ROOT / "docs" / "mechanisms.md").read_text("utf-8")
    assert [int(row) for row in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)] == list(ROWS)


def test_the_readme_has_at_most_120_lines() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= README_LINES


def test_the_table_of_settings_in_operations_is_current() -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    found = re.search(r"<!-- settings -->\n(.*)\n<!-- /settings -->", text, re.DOTALL)
    assert found is not None
    assert found[1] == table(), "python -m broker.settings prints the table"


def test_the_table_of_wishes_on_the_sdks_page_is_current() -> None:
    found = re.search(
        r"<!-- wishes -->\n(.*)\n<!-- /wishes -->", (ROOT / "docs" / "api.md").read_text("utf-8"), re.DOTALL
    )
    assert found is not None
    assert found[1] == wishes.table(WISHES), "python -m chorus.request prints the table"


def api_page() -> str:
    return (ROOT / "docs" / "api.md").read_text("utf-8")


def stubs() -> dict[str, ast.Assign | ast.ClassDef]:
    """What the SDK's page says of classes and types, by name."""
    code = "\n".join(re.findall(r"```pyi\n(.*?)```", api_page(), re.DOTALL))
    found = {}
    for node in ast.parse(code).body:
        assert isinstance(node, ast.Assign | ast.ClassDef)
        found[node.name if isinstance(node, ast.ClassDef) else ast.unparse(node.targets[0])] = node
    return found


def members(node: ast.stmt) -> dict[str, str]:
    """Fields and methods as they are written, without what they are for."""
    assert isinstance(node, ast.ClassDef)
    found = {}
    for one in node.body:
        if isinstance(one, ast.AnnAssign):
            found[ast.unparse(one.target)] = ast.unparse(one)
        elif isinstance(one, ast.FunctionDef) and (one.name == "__init__" or not one.name.startswith("_")):
            marks = [ast.unparse(mark) for mark in one.decorator_list]
            found[one.name] = f"{marks} {ast.unparse(one.args)} -> {ast.unparse(one.returns or ast.Constant(None))}"
    return found


def defined(name: str) -> ast.stmt:
    """Where the SDK itself defines a public name."""
    tree = ast.parse((ROOT / "chorus" / f"{chorus._HOMES[name]}.py").read_text("utf-8"))
    (found,) = [
        node
        for node in tree.body
        if (isinstance(node, ast.ClassDef) and node.name == name)
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name)
    ]
    return found


def test_every_public_name_of_the_sdk_is_explained() -> None:
    explained = {*re.findall(r"^\| `(\w+)` \| \S", api_page(), re.MULTILINE), *stubs()}
    assert set(chorus.__all__) - explained == set()
    assert set(stubs()) <= set(chorus.__all__)


@pytest.mark.parametrize("name", stubs())
def test_the_sdks_page_describes_each_name_correctly(name: str) -> None:
    said, true = stubs()[name], defined(name)
    if isinstance(said, ast.Assign):
        assert ast.unparse(said) == ast.unparse(true)
        return
    assert members(said).items() <= members(true).items()
    # Of what is done with these classes the page is the whole story.
    if name in ("Client", "Reassembler", "Terms", "Position", "Chunk"):
        assert members(said).keys() == members(true).keys()


@pytest.mark.parametrize("name", sorted({name for name in chorus.__all__ if name.endswith("Error")} - {"OnError"}))
def test_an_errors_code_status_and_retry_are_as_the_sdks_page_says(name: str) -> None:
    kind = getattr(chorus, name)
    assert f"| `{name}` | `{kind.code}` | {kind.status} | {'yes' if kind.retry else 'no'} | " in api_page()


def test_every_setting_has_a_meaning_and_both_sides_know_its_name() -> None:
    assert all(field.description for field in FarmSettings.model_fields.values())
    assert {*ClientSettings.model_fields, *FARM_FIELDS} == FarmSettings.model_fields.keys()


@pytest.mark.parametrize("name", FarmSettings.model_fields)
def test_every_setting_is_read_somewhere(name: str) -> None:
    assert name in settings_read()


@cache
def settings_read() -> frozenset[str]:
    """Attributes that any module takes from what it calls settings."""
    return frozenset(attribute for path in sources() if path.suffix == ".py" for attribute in _read_in(path))


def _read_in(path: Path) -> Iterator[str]:
    owners = r"(?:.*[._])?(?:settings|farm|loaded)(?:\(\))?" + ("|self" if path in SETTINGS_MODULES else "")
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and re.fullmatch(owners, ast.unparse(node.value)):
            yield node.attr


def test_every_variable_that_is_named_is_a_setting(page: Path) -> None:
    known = {PREFIX + name.upper() for name in FarmSettings.model_fields}
    assert set(VARIABLE.findall(page.read_text("utf-8"))) <= known


@pytest.mark.parametrize("path", [*pages(), *sources()], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_is_named_is_there(path: Path) -> None:
    named = {words for line in path.read_text("utf-8").splitlines() for words in COMMAND.findall(line)}
    assert named <= commands()


@cache
def commands() -> frozenset[str]:
    group = get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    models = group.commands["models"]
    assert isinstance(models, typer.core.TyperGroup)
    return frozenset({*group.commands, *(f"models {name}" for name in models.commands)})


def test_every_page_that_the_code_names_is_there() -> None:
    named = {(path, name) for path in sources() for name in re.findall(r"docs/\w+\.md", path.read_text("utf-8"))}
    assert [f"{path.relative_to(ROOT)} names {name}" for path, name in named if not (ROOT / name).exists()] == []
