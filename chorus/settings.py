"""The client's settings: the only place, with broker/settings.py, that reads the environment.

Every variable is `CHORUS_<FIELD>`; `REDIS_URL` stands in for `CHORUS_URL`. An unknown `CHORUS_*` is an error.
"""

import difflib
import logging
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Self

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from chorus.errors import SettingError

PREFIX = "CHORUS_"
# Fields of broker/settings.py. A machine often serves both sides from one environment file, so a client knows their
# names though not their meaning; a test holds the two lists together.
FARM_FIELDS = (
    "model", "voices", "variant", "store", "cache_mb", "lanes", "slots", "desk_slots", "lease_s", "deadline_s",
    "mirror", "tagger", "offline", "port", "flower_port", "strict", "coreml", "pin", "priming",
    "keep_alive_s", "unload_s", "growth_mb",
)  # fmt: skip

log = logging.getLogger(__name__)


class ClientSettings(BaseSettings):
    """What a client needs to know: where Redis is and where this user's own things lie."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    url: str = Field(
        default="",
        description="Redis or Valkey, `redis://:password@host:6379/0`. `REDIS_URL` is read where this is unset.",
    )
    home: Path | None = Field(
        default=None,
        description="Folder for models, the embedded server and the store. Default: the user's data folder.",
    )

    @classmethod
    def load(cls, *, url: str = "") -> Self:
        """The settings of this process's environment, or SettingError naming the variable; a `url` goes before it."""
        known = {PREFIX + name.upper() for name in (*cls.model_fields, *FARM_FIELDS)}
        for name in os.environ:
            if name.startswith(PREFIX) and name not in known:
                near = difflib.get_close_matches(name, sorted(known), n=1)
                remedy = f"did you mean {near[0]}?" if near else "docs/operations.md lists those there are."
                raise SettingError(f"{name} is not a setting of Chorus: {remedy}")
        try:
            loaded = cls()
        except ValidationError as error:
            first = error.errors()[0]
            name = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
            raise SettingError(f"{name}={os.environ.get(name, '')}: {first['msg']}.") from error
        url = url or loaded.url or os.environ.get("REDIS_URL", "")
        return loaded.model_copy(update={"url": url})

    def home_folder(self) -> Path:
        """The folder of this user's own things, made if missing; a temporary one, with a warning, if none can be."""
        if self.home is not None:
            if not _usable(self.home):
                raise SettingError(f"{PREFIX}HOME={self.home} cannot be written: name a folder that can.")
            return self.home.resolve()
        return _default_home()


@cache
def _default_home() -> Path:
    usual = Path(platformdirs.user_data_dir("chorus", appauthor=False))
    # Without HOME and a passwd entry "~" stays as it is, and would become a folder of that name right here.
    if usual.is_absolute() and _usable(usual):
        return usual
    temporary = Path(tempfile.gettempdir()) / f"chorus-{os.getuid()}"
    if not _usable(temporary) or temporary.stat().st_uid != os.getuid():
        raise SettingError(f"Neither {usual} nor {temporary} can be written: set {PREFIX}HOME to a folder that can.")
    log.warning("%s cannot be written: using %s, which a restart may empty. Set %sHOME.", usual, temporary, PREFIX)
    return temporary


def _usable(folder: Path) -> bool:
    """Whether files can be made here; mode bits alone lie to root and on read-only mounts, so one is made."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
