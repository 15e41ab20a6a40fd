"""The wishes are declared once: keywords, options and requests have the same names, types and defaults."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer
from typer.main import get_command

import workers.commands
from chorus import options
from chorus.commands import program, run
from chorus.request import WISHES, Request, Wishes, requested
from chorus.wishes import DeclaredWish, Scope

COMMANDS: dict[str, tuple[Scope, ...]] = {
    "render": ("text", "document", "file"),
    "submit": ("text", "document", "file"),
    "inspect": ("text", "document"),
    "say": ("text",),
}
# For each wish that is an option: what is typed, and what the request then has.
TYPED: dict[str, tuple[str, Any]] = {
    "voice": ("af_sky", "af_sky"),
    "speed": ("1.5", 1.5),
    "language": ("EN_gb", "en-gb"),
    "as_written": ("dates", "dates"),
    "pauses": ("chapter=2000", "chapter=2000"),
    "lexicon": ("words.toml", '{"":{"Talk":"walk"}}'),
    "chapters": ("1-3", "1-3"),
    "skip": ("notes", "notes"),
    "speak": ("code", "code"),
    "encoding": ("cp1251", "cp1251"),
    "title": ("T", "T"),
    "author": ("A", "A"),
    "format": ("mp3", "mp3"),
    "on_error": ("stop", "stop"),
    "repeatable": ("", True),
}
OPTIONAL = [one for one in WISHES if one.wish.flags]


def by_name(one: DeclaredWish) -> str:
    return one.name


def test_the_keywords_of_a_submit_are_the_fields_of_a_request() -> None:
    assert get_type_hints(Wishes) == get_type_hints(Request)
    assert [one.name for one in WISHES] == list(get_type_hints(Request))


@pytest.mark.parametrize("one", WISHES, ids=by_name)
def test_every_wish_is_documented_and_is_an_option_unless_only_code_can_set_it(one: DeclaredWish) -> None:
    assert one.wish.help.endswith((".", ":"))
    assert bool(one.wish.flags) == (one.wish.scope != "caller")
    assert one.checked(one.default) == one.default


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("one", OPTIONAL, ids=by_name)
def test_a_command_has_the_options_of_its_scopes_and_no_others(command: str, one: DeclaredWish) -> None:
    group = get_command(workers.commands.app)
    assert isinstance(group, typer.core.TyperGroup)
    found = [option for option in group.commands[command].params if set(option.opts) & set(one.wish.flags)]
    assert len(found) == (one.wish.scope in COMMANDS[command])
    for option in found:
        assert isinstance(option, typer.core.TyperOption)
        assert (option.opts, option.help) == (list(one.wish.flags), one.wish.help)
        own = "m4b" if (command, one.name) == ("submit", "format") else None if one.wish.read else one.default
        assert option.default == own


def test_the_package_has_the_same_options_as_a_checkout() -> None:
    packaged, checkout = get_command(program()), get_command(workers.commands.app)
    assert isinstance(packaged, typer.core.TyperGroup)
    assert isinstance(checkout, typer.core.TyperGroup)
    for command in ("submit", "say"):
        names = [option.name for option in packaged.commands[command].params]
        assert names == [option.name for option in checkout.commands[command].params]


@pytest.fixture
def submitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Wishes]]:
    """What a command with all options makes of the words behind it."""
    monkeypatch.chdir(tmp_path)
    Path("words.toml").write_text('Talk = "walk"\n')
    app, made = typer.Typer(), []

    @app.command()
    @options.with_wishes("text", "document", "file")
    def record(*, wishes: Wishes) -> None:
        made.append(wishes)

    @app.command()
    def another() -> None:
        """A program with one command alone would have no name for it."""

    def type_words(*words: str) -> list[Wishes]:
        assert run(app, ["record", *words]) == 0
        return made

    return type_words


def test_the_cases_below_cover_every_option() -> None:
    assert set(TYPED) == {one.name for one in OPTIONAL}


@pytest.mark.parametrize("one", OPTIONAL, ids=by_name)
def test_an_option_sets_the_wish_of_its_name(submitted: Callable[..., list[Wishes]], one: DeclaredWish) -> None:
    typed, expected = TYPED[one.name]
    for flag in one.wish.flags:
        wishes = submitted(flag, *filter(None, (typed,))).pop()
        assert set(wishes) == {one.name}
        assert getattr(requested(wishes), one.name) == expected


def test_an_option_that_is_not_given_sets_no_wish(submitted: Callable[..., list[Wishes]]) -> None:
    assert submitted() == [{}]
