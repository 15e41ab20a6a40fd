"""A worker that stops at one exact place in the code, so that a fault can hit it there: `celery -A chaos.traps worker`.

TRAP says where and how, TRAP_ROLE which kind of worker it is, TRAP_FILE where the trap writes which step it holds. The
product knows nothing of it: the trap wraps one of its functions from outside. It works once, also after a restart.
"""

import importlib
import os
import threading
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

LOOK_S = 0.02
_lock = threading.Lock()


def lay(trap: str, told: Path) -> None:
    """`package.module:name how`, where how is one of before, after, thrice, ahead, jumping."""
    place, _, how = trap.partition(" ")
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for one in outer:
        owner = getattr(owner, one)
    setattr(owner, name, HOWS[how](getattr(owner, name), told))


def before(original: Callable[..., Any], told: Path) -> Callable[..., Any]:
    @wraps(original)
    def trapped(*arguments: Any, **options: Any) -> Any:
        spring(told, arguments)
        return original(*arguments, **options)

    return trapped


def after(original: Callable[..., Any], told: Path) -> Callable[..., Any]:
    @wraps(original)
    def trapped(*arguments: Any, **options: Any) -> Any:
        answer = original(*arguments, **options)
        spring(told, arguments)
        return answer

    return trapped


def thrice(original: Callable[..., Any], _told: Path) -> Callable[..., Any]:
    @wraps(original)
    def storming(*arguments: Any, **options: Any) -> Any:
        return [original(*arguments, **options) for _ in range(3)][-1]

    return storming


def ahead(original: Callable[[], float], _told: Path) -> Callable[[], float]:
    return lambda: original() + 86_400


def jumping(original: Callable[[], float], told: Path) -> Callable[[], float]:
    """A clock that is a day ahead while the file `….go` beside `told` exists."""
    return lambda: original() + 86_400 * told.with_suffix(".go").exists()


HOWS = {"before": before, "after": after, "thrice": thrice, "ahead": ahead, "jumping": jumping}


def spring(told: Path, arguments: tuple[Any, ...]) -> None:
    """Write down the step, and hold this thread until the file `….go` appears or the process is killed."""
    with _lock:
        if told.exists():
            return
        step = next((one for one in map(step_of, arguments) if one), "")
        written = told.with_suffix(".part")
        written.write_text(f"{os.getpid()} {step}", encoding="utf-8")
        written.replace(told)
    while not told.with_suffix(".go").exists():
        time.sleep(LOOK_S)  # another process writes it: there is no event to wait for


def step_of(argument: object) -> str:
    """A claim's step, or a step by its name."""
    if isinstance(argument, str):
        return argument if argument.partition(":")[0] in ("plan", "segment", "part", "bind") else ""
    return str(getattr(argument, "step", ""))


lay(os.environ["TRAP"], Path(os.environ["TRAP_FILE"]))
app = importlib.import_module(f"workers.{os.environ['TRAP_ROLE']}").app
