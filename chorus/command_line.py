"""What every `chorus` program has: `-h`, `--version`, completion in the shell, and one line for an error.

Knows no command.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Final

import typer

import chorus
from chorus.errors import ChorusError
from chorus.terminal import complain, tell

INTERRUPTED: Final = 130
HELP_OPTIONS: Final = ("-h", "--help")


def new_program(summary: str, group: type[typer.core.TyperGroup] = typer.core.TyperGroup) -> typer.Typer:
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
    """Run a program and return its exit status: every expected error is one line, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal without UTF-8 loses a letter of a title, not the command.
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    given = sys.argv[1:] if arguments is None else arguments
    try:
        status = app(args=given or ["--help"], prog_name="chorus", standalone_mode=False)
    except ChorusError as error:
        complain(str(error))
        return error.exit_code
    except typer.TyperException as error:
        complain(error.format_message())
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except (BrokenPipeError, SystemExit) as error:
        # Typer turns a broken pipe into an exit. The reader of our output has left; Python would complain again when it
        # closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 1
    return status if isinstance(status, int) else 0
