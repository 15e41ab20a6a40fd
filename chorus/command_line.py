"""What every `chorus` program has: `-h`, `--version`, completion in the shell, and one line for an error.

Knows no command.
"""

import contextlib
import difflib
import errno
import os
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

import chorus
from chorus import standard_streams
from chorus.errors import CallerError, ChorusError, OutputError
from chorus.files import reason
from chorus.settings import forget_impossible_size
from chorus.terminal import complain, tell

USAGE: Final = 2
INTERRUPTED: Final = 130
HELP_OPTIONS: Final = ("-h", "--help")
_LONGEST_WORD, _LONGEST_SENTENCE = 200, 2000
_OF_AN_OUTPUT: Final = frozenset({errno.ENOSPC, errno.EBADF, errno.EFBIG, errno.EIO})


class Commands(typer.core.TyperGroup):
    """The commands of a program. Of a first word that is none of them it says what may have been meant."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command of the first word, or CallerError."""
        word = args[0] if args else ""
        if self.get_command(ctx, word) is None and not word.startswith("-"):
            raise CallerError(self.no_command(ctx, word))
        return super().resolve_command(ctx, args)

    def no_command(self, ctx: Any, word: str) -> str:
        """The sentence for a word that is no command."""
        near = difflib.get_close_matches(word[:_LONGEST_WORD], self.list_commands(ctx), n=1)
        spoken = shlex.quote(word) if word.isprintable() and 0 < len(word) <= _LONGEST_WORD else '"…"'
        meant = f"did you mean {near[0]}?" if near else f"`chorus say {spoken}` speaks it,"
        return f"{_cut(word, _LONGEST_WORD)!r} is no command: {meant} `chorus --help` lists the commands."


def is_document(word: str) -> bool:
    """Whether a word that is no command names a file, or looks as if it did; a sentence does not."""
    path = Path(word)
    try:
        if word and path.exists():
            return True
    except (OSError, ValueError):
        # No file has a name of this length, but a path that somebody typed may.
        return " " not in word
    ending = path.suffix
    return bool(ending or "/" in word) and (" " not in word or bool(re.fullmatch(r"\.\w{2,8}", ending)))


def new_program(summary: str, group: type[Commands] = Commands) -> typer.Typer:
    """A program without commands. `summary` stands on top of its help."""
    app = typer.Typer(
        cls=group,
        name="chorus",
        help=summary,
        context_settings={"help_option_names": list(HELP_OPTIONS)},
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    return app


def _show_version(asked: bool) -> None:
    if asked:
        tell(f"chorus {chorus.__version__}")
        raise typer.Exit


def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    # Without a docstring, which would stand in the help.
    ...


def run(app: Callable[..., object], arguments: Sequence[str] | None = None) -> int:
    """Run a program and return its exit status: every error is one line, never a traceback."""
    standard_streams.replace_closed()
    standard_streams.never_fail_on_a_letter()
    forget_impossible_size()
    given = sys.argv[1:] if arguments is None else arguments
    try:
        status = app(args=given or ["--help"], prog_name="chorus", standalone_mode=False)
        standard_streams.flushed()
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except (BrokenPipeError, SystemExit) as error:
        # Typer turns a broken pipe into an exit. The reader of our output has left: there is nobody to tell.
        standard_streams.discard(sys.stdout)
        return error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 1
    except Exception as error:  # noqa: BLE001 -- the last resort: whatever it is, the user reads a sentence
        return _failed(error)
    return status if isinstance(status, int) else 0


def _failed(error: Exception) -> int:
    """Say what went wrong, and return the exit status."""
    status, sentence = told(error)
    # What is still held back would fail again when Python closes the stream.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    if isinstance(error, OSError | OutputError):
        standard_streams.discard_if_stuck(sys.stdout)
    complain(brief(sentence))
    return status


def told(error: Exception) -> tuple[int, str]:
    """The exit status and the sentence for an error, whatever it is."""
    if isinstance(error, ChorusError):
        return error.exit_code, str(error)
    if isinstance(error, typer.TyperException):
        return USAGE, _usage(error)
    if isinstance(error, MemoryError):
        return 1, "There is not enough memory for this: end other programs, or give a smaller document."
    if isinstance(error, OSError) and not error.filename and error.errno in _OF_AN_OUTPUT:
        return USAGE, str(standard_streams.unwritable(error))
    if isinstance(error, OSError) and error.filename:
        path = os.fsdecode(error.filename)
        return 1, f"{path} cannot be used ({reason(error)}): name another place, or change who may use it."
    place = traceback.extract_tb(error.__traceback__)[-1]
    return 1, (
        f"This is a fault of Chorus, not of yours ({type(error).__name__}: {error}, at {Path(place.filename).name} "
        f"line {place.lineno}): report it with the command that led to it."
    )


def _usage(error: typer.TyperException) -> str:
    """What is wrong with the words of a command, and where it is said which there can be."""
    message = error.format_message().strip()
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "chorus"
    end = "" if message.endswith((".", "?")) else "."
    return f"{message}{end} `{command} --help` says what it takes."


def brief(sentence: str) -> str:
    """The sentence without the middle of its longest words: a path or a number may have thousands of characters."""
    shorter = re.sub(rf"\S{{{_LONGEST_WORD},}}", lambda word: _cut(word[0], _LONGEST_WORD), sentence)
    return _cut(shorter, _LONGEST_SENTENCE)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest // 2]}…{text[-longest // 4 :]}"
