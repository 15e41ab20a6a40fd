"""Fetches one pinned file: resumes an interrupted download, verifies the sha256, and lets one process fetch at a time.

Knows nothing of models: the caller gives the address, the size and the sha256.
"""

import fcntl
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from chorus.errors import DiskError, OutsideError
from workers.models.digests import sha256_of

Progress = Callable[[int, int], None]
"""Called with the bytes fetched so far and the size of the file."""

# After this many connections in a row that each brought less than 1 % of the file, the download fails.
TRIES = 5
_LONGEST_PAUSE_S = 8.0
_CHUNK_BYTES = 256 * 1024
# Left free for what other programs write during the download.
_SPARE_BYTES = 16 * 1024 * 1024
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_WORTH_ANOTHER_TRY = (408, 425, 429)
_HOPELESS = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects)

log = logging.getLogger(__name__)


class DownloadError(OutsideError):
    """A file could not be fetched, or was not the one that was pinned."""

    code = "download"


@dataclass(frozen=True, kw_only=True)
class PinnedFile:
    """A file with its known size and digest."""

    source: str
    """An http(s) address, or the path of a file on this machine."""
    target: Path
    size_bytes: int
    sha256: str

    @property
    def part(self) -> Path:
        """The file with what was fetched so far; the digest in its name keeps two releases apart."""
        return self.target.with_name(f"{self.target.name}.{self.sha256[:12]}.part")


def silent(_done: int, _total: int) -> None:
    """Show no progress."""


def fetch(wanted: PinnedFile, *, progress: Progress = silent, pause: Callable[[float], None] = time.sleep) -> None:
    """Fetch the file to its target and verify it, or raise; after an error, what was fetched is kept."""
    with _alone_in(wanted.target.parent):
        if wanted.target.exists() and sha256_of(wanted.target) == wanted.sha256:
            return
        _check_room(wanted)
        resumed = wanted.part.exists()
        _bring(wanted, progress, pause)
        if resumed and sha256_of(wanted.part) != wanted.sha256:
            # The part of an earlier try was something else, such as a login page: start again from the beginning.
            wanted.part.unlink()
            _bring(wanted, progress, pause)
        _accept(wanted)


def is_address(source: str) -> bool:
    """Whether this is a network address and not a path."""
    return source.startswith(("http://", "https://"))


def reachable(source: str, *, within_s: float) -> bool:
    """Whether the first byte can be fetched; answers within this time even if resolver, proxy or server hang."""
    if not is_address(source):
        return Path(source).is_file()
    answers: list[bool] = []
    # In a daemon thread, because the client's timeouts do not cover name resolution.
    probe = threading.Thread(target=lambda: answers.append(_answers(source, within_s)), daemon=True)
    probe.start()
    probe.join(within_s)
    return answers == [True]


def _answers(source: str, within_s: float) -> bool:
    try:
        with (
            _client(source, timeout_s=within_s) as client,
            client.stream("GET", source, headers={"Range": "bytes=0-0"}) as response,
        ):
            return response.is_success
    except (httpx.HTTPError, httpx.InvalidURL, DownloadError):
        return False


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / ".lock").open("a")
    except OSError as error:
        raise _disk(folder, error) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("Another process is fetching into %s: waiting for it.", folder)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _check_room(wanted: PinnedFile) -> None:
    needed = wanted.size_bytes - _size(wanted.part)
    free = shutil.disk_usage(wanted.target.parent).free
    if free < needed + _SPARE_BYTES:
        raise DiskError(
            f"{wanted.target.name} needs {_mb(needed + _SPARE_BYTES)} and {wanted.target.parent} has {_mb(free)} free: "
            "make room, or set CHORUS_HOME to a folder on another disk."
        )


def _bring(wanted: PinnedFile, progress: Progress, pause: Callable[[float], None]) -> None:
    if is_address(wanted.source):
        _download(wanted, progress, pause)
    else:
        _copy(wanted, progress)


def _download(wanted: PinnedFile, progress: Progress, pause: Callable[[float], None]) -> None:
    best, tries = _size(wanted.part), 0
    with _client(wanted.source, timeout_s=30) as client:
        while _size(wanted.part) < wanted.size_bytes:
            trouble = _one_connection(client, wanted, progress)
            here = _size(wanted.part)
            if here >= wanted.size_bytes:
                return
            tries = 1 if here >= best + wanted.size_bytes // 100 + 1 else tries + 1
            best = max(best, here)
            if tries >= TRIES:
                raise DownloadError(
                    f"{wanted.source} could not be fetched ({trouble}); {_mb(here)} of {_mb(wanted.size_bytes)} are "
                    "here. Run the same command to resume, or name another source with CHORUS_MIRROR."
                )
            log.info("%s: %s; trying again.", wanted.source, trouble)
            pause(min(0.25 * 2**tries, _LONGEST_PAUSE_S))


def _one_connection(client: httpx.Client, wanted: PinnedFile, progress: Progress) -> str:
    """Fetch as much as one connection brings; returns why it ended early."""
    here = _size(wanted.part)
    # With a compressed answer, ranges and digests would refer to other bytes.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={here}-"} if here else {})}
    try:
        with client.stream("GET", wanted.source, headers=headers) as response:
            start = _starting_point(response, here, wanted)
            if start is None:
                return f"the server answered {response.status_code}"
            _write(response.iter_raw(), start, wanted, progress)
    except _HOPELESS as error:
        raise DownloadError(f"{wanted.source} could not be fetched: {error} Set CHORUS_MIRROR to another.") from error
    except httpx.TransportError as error:
        return str(error) or type(error).__name__
    return "the connection ended early"


def _starting_point(response: httpx.Response, here: int, wanted: PinnedFile) -> int | None:
    """The offset at which the answer's bytes begin; None if this answer cannot be used but another try may succeed."""
    status = response.status_code
    if status == httpx.codes.OK:
        return 0
    if status == httpx.codes.PARTIAL_CONTENT:
        said = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
        if said == str(here):
            return here
    if status in (httpx.codes.PARTIAL_CONTENT, httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE):
        wanted.part.unlink(missing_ok=True)
        return None
    if status in _WORTH_ANOTHER_TRY or response.is_server_error:
        return None
    raise DownloadError(
        f"{wanted.source} could not be fetched: the server answered {status} {response.reason_phrase}. "
        "Set CHORUS_MIRROR to another source."
    )


def _copy(wanted: PinnedFile, progress: Progress) -> None:
    if not os.access(wanted.source, os.R_OK):
        raise DownloadError(
            f"{wanted.source} is missing or cannot be read: set CHORUS_MIRROR to a folder that holds it."
        )
    with Path(wanted.source).open("rb") as source:
        _write(iter(lambda: source.read(_CHUNK_BYTES), b""), 0, wanted, progress)


def _write(chunks: Iterable[bytes], start: int, wanted: PinnedFile, progress: Progress) -> None:
    """Write the bytes from this offset on, and stop at the pinned size even if more is sent."""
    done = start
    try:
        with wanted.part.open("r+b" if start else "wb") as part:
            part.seek(start)
            for chunk in chunks:
                done += part.write(chunk[: wanted.size_bytes - done])
                progress(done, wanted.size_bytes)
                if done == wanted.size_bytes:
                    return
    except OSError as error:
        raise _disk(wanted.target.parent, error) from error


def _accept(wanted: PinnedFile) -> None:
    """Rename the part to the target if its digest is right; otherwise delete it and raise."""
    found = sha256_of(wanted.part)
    if found != wanted.sha256:
        wanted.part.unlink()
        raise DownloadError(
            f"{wanted.source} is not the pinned file: sha256 {found[:12]}… instead of {wanted.sha256[:12]}…: "
            "it was deleted. Try again, or name another source with CHORUS_MIRROR."
        )
    try:
        with wanted.part.open("rb") as part:
            os.fsync(part.fileno())
        wanted.part.replace(wanted.target)
    except OSError as error:
        raise _disk(wanted.target.parent, error) from error


def _client(source: str, *, timeout_s: float) -> httpx.Client:
    """An HTTP client that follows redirects, and ignores the environment's proxy for loopback addresses."""
    try:
        trust = urlsplit(source).hostname not in _LOOPBACK
        return httpx.Client(follow_redirects=True, timeout=timeout_s, trust_env=trust)
    except (ValueError, ImportError) as error:
        # A malformed address or proxy variable, or a SOCKS proxy, for which httpx needs a package we do not install.
        raise DownloadError(f"{source} cannot be fetched ({error}): set CHORUS_MIRROR to another source.") from error


def _disk(folder: Path, error: OSError) -> DiskError:
    return DiskError(f"{folder} cannot be written ({error.strerror}): make room, or set CHORUS_HOME to another folder.")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.0f} MB"
