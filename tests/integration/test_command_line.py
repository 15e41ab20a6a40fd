"""Every program has help under both option names, a version, and shell completion."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

import chorus as sdk
import workers.commands
from chorus.command_line import run
from chorus.commands import OPERATOR, program

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {"package": program(), "checkout": workers.commands.app}


def commands(app: typer.Typer) -> Iterator[tuple[str, ...]]:
    group = get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    yield ()
    for name, command in group.commands.items():
        yield (name,)
        if isinstance(command, typer.core.TyperGroup):
            yield from ((name, inner) for inner in command.commands)


CASES = [
    (kind, words)
    for kind, app in PROGRAMS.items()
    for words in commands(app)
    if kind == "checkout" or words[:1] not in [(name,) for name in OPERATOR]
]


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize(("kind", "words"), CASES, ids=lambda part: part if isinstance(part, str) else " ".join(part))
def test_every_command_has_help_under_both_names(
    capsys: pytest.CaptureFixture[str], kind: str, words: tuple[str, ...], option: str
) -> None:
    assert run(PROGRAMS[kind], [*words, option]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"Usage: {' '.join(('chorus', *words))} [OPTIONS]")
    assert "-h, --help" in said.out
    assert said.err == ""


@pytest.mark.parametrize("words", [[], ["models"]])
def test_the_list_of_commands_shows_whole_sentences(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    for app in PROGRAMS.values() if not words else [PROGRAMS["checkout"]]:
        assert run(app, [*words, "--help"]) == 0
        assert "..." not in capsys.readouterr().out.partition("Commands:")[2]


@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_program_prints_the_version_of_the_sdk(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    assert run(PROGRAMS[kind], ["--version"]) == 0
    assert capsys.readouterr().out == f"chorus {sdk.__version__}\n"


@pytest.fixture
def clean(tmp_path: Path) -> dict[str, str]:
    """The environment of a shell that knows nothing but a `chorus` on its path."""
    command = tmp_path / "bin" / "chorus"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -P -m workers.commands "$@"\n')
    command.chmod(0o755)
    return {"PATH": f"{command.parent}{os.pathsep}/usr/bin{os.pathsep}/bin", "HOME": str(tmp_path)}


def ask(*words: str, env: dict[str, str]) -> list[str]:
    """The lines that a program printed."""
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split("\n")


def test_a_clean_bash_completes_commands_and_options_after_evaluating_what_is_shown(clean: dict[str, str]) -> None:
    complete = """
        eval "$(chorus --show-completion)"
        complete -p chorus
        for words in 're' 'render --pr'; do
            COMP_WORDS=(chorus $words) COMP_CWORD=$(set -- $words; echo $#)
            _chorus_completion chorus
            echo "${COMPREPLY[*]}"
        done
    """
    registered, words, options, _ = ask("/bin/bash", "--norc", "-c", complete, env=clean)
    assert registered == "complete -o default -F _chorus_completion chorus"
    assert words.split() == ["render", "reset", "resume", "retry"]
    assert options.split() == ["--priority"]


@pytest.mark.parametrize(
    ("variables", "first"),
    [
        ({"_CHORUS_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "chorus re"}, "_arguments"),
        (
            {
                "_CHORUS_COMPLETE": "complete_fish",
                "_TYPER_COMPLETE_FISH_ACTION": "get-args",
                "_TYPER_COMPLETE_ARGS": "chorus re",
            },
            "render\t",
        ),
    ],
    ids=["zsh", "fish"],
)
def test_zsh_and_fish_complete_the_same_commands(clean: dict[str, str], variables: dict[str, str], first: str) -> None:
    told = ask("chorus", env=clean | variables)
    assert told[0].startswith(first)
    for line, name in zip(told, ("render", "reset", "resume", "retry"), strict=False):
        assert name in line
