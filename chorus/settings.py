"""The client's settings: the only place, with broker/settings.py, that reads the environment.

Every variable is `CHORUS_<FIELD>`; `REDIS_URL` stands in for `CHORUS_URL`. An unknown `CHORUS_*` is an error.
"""

import difflib
import logging
import os
import re
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, get_args, get_origin

import platformdirs
from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from chorus import server_address
from chorus.errors import SettingError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PREFIX = "CHORUS_"
# Fields of broker/settings.py. One environment file often serves client and farm, so a client knows the names of the
# farm's settings, though not their meaning. A test compares the two lists.
FARM_FIELDS = (
    "model", "voices", "variant", "inverse", "store", "cache_mb", "lanes", "slots", "desk_slots", "lease_s",
    "deadline_s", "mirror", "tagger", "offline", "port", "flower_port", "strict", "coreml", "pin", "priming",
    "keep_alive_s", "unload_s", "growth_mb",
)  # fmt: skip

_FIGURE = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?", re.ASCII)
_SIZE = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
_NEAR = 0.65
"""How similar two names must be for one to be taken for a misspelling of the other."""

log = logging.getLogger(__name__)


class ClientSettings(BaseSettings):
    """What a client needs to know: where Redis is, and which folder holds this user's own files."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    url: str = Field(
        default="",
        description="Redis or Valkey, `redis://:password@host:6379/0`. `REDIS_URL` is read where this is unset. "
        "Default: the server of this machine's running stack.",
    )
    home: Path | None = Field(
        default=None,
        description="Folder for models, the embedded server and the store. Default: the user's data folder.",
    )

    @classmethod
    def load(cls, *, url: str = "") -> Self:
        """The settings of this process's environment, or SettingError naming the variable. A `url` given here wins."""
        known = {PREFIX + name.upper() for name in (*cls.model_fields, *FARM_FIELDS)}
        for name in os.environ:
            if name.startswith(PREFIX) and name not in known:
                raise SettingError(_unknown(name, known))
        cls._check_figures()
        try:
            loaded = cls()
        except ValidationError as error:
            raise SettingError(cls._refused(error.errors()[0])) from error
        url = url or loaded.url or os.environ.get("REDIS_URL", "")
        if url:
            server_address.check(url)
        return loaded.model_copy(update={"url": url})

    @classmethod
    def _refused(cls, found: "ErrorDetails") -> str:
        """The sentence for an impossible value: which variable has it, and what it may be."""
        field = cls.model_fields[str(found["loc"][0])]
        name = f"{PREFIX}{str(found['loc'][0]).upper()}"
        return f"{name}={os.environ.get(name, '')}: {_remedy(field)}. It means: {field.description}"

    @classmethod
    def _check_figures(cls) -> None:
        """SettingError for a figure in another spelling than plain digits, which Python would take for one."""
        for name, field in cls.model_fields.items():
            given = os.environ.get(f"{PREFIX}{name.upper()}", "")
            if given and field.annotation in (int, float) and not _FIGURE.fullmatch(given):
                raise SettingError(f"{PREFIX}{name.upper()}={given}: {_remedy(field)}. It means: {field.description}")

    def home_folder(self) -> Path:
        """The folder of this user's own files, made if missing; else a temporary one, with a warning."""
        if self.home is not None:
            if not _usable(self.home):
                raise SettingError(f"{PREFIX}HOME={self.home} cannot be written: name a folder that can.")
            return self.home.resolve()
        return _default_home()

    def home_candidates(self) -> tuple[Path, ...]:
        """The folders that `home_folder` may choose, the usual one first. Makes none and tests none for writing."""
        if self.home is not None:
            return (self.home.resolve(),)
        usual, temporary = _usual_home(), _temporary_home()
        # Anyone may have made a folder of our name among the temporary ones.
        return tuple(folder for folder in (usual, temporary) if folder == usual or _is_own(folder))


def _remedy(field: FieldInfo) -> str:
    """What a setting may be, as something to do: `write a whole number from 0 to 256`."""
    if get_origin(field.annotation) is Literal:
        return f"choose {' or '.join(get_args(field.annotation))}"
    if field.annotation is bool:
        return "write true or false"
    if field.annotation in (int, float):
        bounds = {name: getattr(one, name) for one in field.metadata for name in ("ge", "le") if hasattr(one, name)}
        kind = "whole number" if field.annotation is int else "number"
        most = f" to {bounds['le']}" if "le" in bounds else " up"
        return f"write a {kind} from {bounds['ge']}{most}"
    return "write it as is said here"


def forget_impossible_size() -> None:
    """Without a width that no terminal has: with COLUMNS=0, a table would be printed as nothing."""
    for name in ("COLUMNS", "LINES"):
        if not _SIZE.fullmatch(os.environ.get(name, "80")):
            del os.environ[name]


def _unknown(name: str, known: Iterable[str]) -> str:
    """The sentence for a variable that is no setting: it names a setting that is spelled almost the same."""
    # Compared without the prefix that all of them share, or any word would seem similar.
    spellings = {setting.removeprefix(PREFIX): setting for setting in sorted(known)}
    near = difflib.get_close_matches(name.removeprefix(PREFIX), spellings, n=1, cutoff=_NEAR)
    if near:
        return f"{name} is not a setting of Chorus: did you mean {spellings[near[0]]}?"
    return f"{name} is not a setting of Chorus: unset it. docs/operations.md lists the settings there are."


@cache
def _default_home() -> Path:
    usual, temporary = _usual_home(), _temporary_home()
    # Without HOME and a passwd entry "~" stays as it is, and would become a folder of that name right here.
    if usual.is_absolute() and _usable(usual):
        return usual
    if not _usable(temporary) or not _is_own(temporary):
        raise SettingError(f"Neither {usual} nor {temporary} can be written: set {PREFIX}HOME to a folder that can.")
    log.warning("%s cannot be written: using %s, which a restart may empty. Set %sHOME.", usual, temporary, PREFIX)
    return temporary


def _usual_home() -> Path:
    return Path(platformdirs.user_data_dir("chorus", appauthor=False))


def _temporary_home() -> Path:
    return Path(tempfile.gettempdir()) / f"chorus-{os.getuid()}"


def _is_own(folder: Path) -> bool:
    try:
        return folder.stat().st_uid == os.getuid()
    except OSError:
        return False


def _usable(folder: Path) -> bool:
    """Whether files can be made here. One is made to find out: mode bits mislead for root and on read-only mounts."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
