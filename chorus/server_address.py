"""Checks the address of a Redis or Valkey before anything connects to it. Pure.

An address may hold a password, so a sentence names only the part that is wrong.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote_to_bytes, urlsplit

from chorus.errors import SettingError

EXAMPLE: Final = "redis://:password@host:6379/0"
NOT_AN_ADDRESS: Final = (
    f"The server's address (CHORUS_URL or --url) is not one of Redis: write {EXAMPLE}, or rediss:// for TLS, "
    "with %-codes for special characters in the password."
)
_MOST_CHARS: Final = 2000
_BAD_PORT: Final = ("a port that cannot be", "write one from 1 to 65535")
_HAS_PORT: Final = re.compile(r"rediss?://(?:[^/?#@]*@)?(?:\[[^\]]*\]|[^/?#:@]*):[^/?#:@]*(?:[/?#][^@]*)?")
_LONGEST_HOST, _LONGEST_LABEL = 253, 63
_DATABASE: Final = re.compile(r"/?|/[0-9]{1,5}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_FLAG: Final = ("true", "false", "yes", "no", "1", "0")


def _any(value: str) -> bool:
    return value.isprintable() and value != ""


OPTIONS: Final[Mapping[str, tuple[Callable[[str], object], str]]] = {
    "client_name": (lambda value: _any(value) and " " not in value, "a name without blanks"),
    "db": (_NUMBER.fullmatch, "the number of a database"),
    "protocol": (("2", "3").__contains__, "2 or 3"),
    "ssl_ca_certs": (_any, "a file"),
    "ssl_certfile": (_any, "a file"),
    "ssl_cert_reqs": (("none", "optional", "required").__contains__, "none, optional or required"),
    "ssl_check_hostname": (lambda value: value.lower() in _FLAG, "true or false"),
    "ssl_keyfile": (_any, "a file"),
}
"""What may stand behind the `?` of an address: the option, what its value must be, and that in words."""


def check(url: str) -> None:
    """Return if this can be the address of a server, else raise SettingError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise (_wrong(*_BAD_PORT) if _HAS_PORT.fullmatch(url) else SettingError(NOT_AN_ADDRESS)) from error
    if len(url) > _MOST_CHARS:
        raise _wrong(f"{len(url)} characters", f"write {_MOST_CHARS} at most")
    if not url.isprintable() or " " in url or parts.scheme not in ("redis", "rediss", "unix"):
        raise SettingError(NOT_AN_ADDRESS)
    # A password with a slash or a question mark in it would be taken for what follows it, and quoted.
    if not url.startswith(f"{parts.scheme}://") or parts.fragment or "@" in parts.path + parts.query:
        raise SettingError(NOT_AN_ADDRESS)
    if parts.scheme == "unix":
        if not parts.path.strip("/"):
            raise _wrong("no path of a socket", "write it as in unix:///run/redis.sock")
    else:
        _check_place(parts, port)
    _check_login(parts)
    _check_options(parts.query)


def _wrong(has: str, remedy: str) -> SettingError:
    return SettingError(f"The server's address (CHORUS_URL or --url) has {has}: {remedy}.")


def _check_place(parts: SplitResult, port: int | None) -> None:
    host = parts.hostname or ""
    if not host:
        raise _wrong("no host", f"write {EXAMPLE}")
    if len(host) > _LONGEST_HOST or max(map(len, host.split("."))) > _LONGEST_LABEL:
        raise _wrong(f"a host of {len(host)} characters, which no name may have", f"write {EXAMPLE}")
    if port == 0:
        raise _wrong(*_BAD_PORT)
    if not _DATABASE.fullmatch(parts.path):
        raise _wrong("a database that is no number", "write it as in /0, or leave it out")


def _check_login(parts: SplitResult) -> None:
    for name, value in (("user", parts.username), ("password", parts.password)):
        try:
            unquote_to_bytes(value or "").decode()
        except UnicodeDecodeError as error:
            raise _wrong(f"a {name} that is not UTF-8", "write its %-codes in UTF-8") from error


def _check_options(query: str) -> None:
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in OPTIONS:
            raise _wrong(f"the option {name!r}, which does not exist", f"choose {', '.join(OPTIONS)}, or leave it out")
        fits, words = OPTIONS[name]
        if not fits(value):
            raise _wrong(f"{value!r} for its option {name}", f"write {words}")
