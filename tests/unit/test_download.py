"""Downloads from a real server on loopback that breaks off, lies, redirects and sends wrong bytes."""

import hashlib
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import pytest
from support import free_port, started, wait_until

from chorus.errors import DiskError
from workers.models.download import TRIES, DownloadError, PinnedFile, fetch, reachable

BODY = random.Random(7).randbytes(1_000_000)
HALF = len(BODY) // 2
Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers each request with the next of the server's answers; the last one is repeated."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        answers = self.server.answers
        self.server.ranges.append(self.headers.get("Range", ""))
        self.server.encodings.add(self.headers.get("Accept-Encoding", ""))
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer(self)

    @property
    def start(self) -> int:
        return int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])

    def head(self, status: int, length: int, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, *answers: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.ranges: list[str] = []
        self.encodings: set[str] = set()
        self.address = f"http://127.0.0.1:{self.server_port}/model.bin"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up: many of these tests are about that."""


def whole(handler: Handler) -> None:
    rest = BODY[handler.start :]
    place = f"bytes {handler.start}-{len(BODY) - 1}/{len(BODY)}"
    handler.head(206 if handler.start else 200, len(rest), Content_Range=place)
    handler.wfile.write(rest)


def cut_after(count: int) -> Answer:
    """The connection breaks after this many bytes."""

    def answer(handler: Handler) -> None:
        rest = BODY[handler.start :]
        place = f"bytes {handler.start}-{len(BODY) - 1}/{len(BODY)}"
        handler.head(206 if handler.start else 200, len(rest), Content_Range=place)
        handler.wfile.write(rest[:count])
        handler.close_connection = True

    return answer


def ignoring_ranges(handler: Handler) -> None:
    handler.head(200, len(BODY))
    handler.wfile.write(BODY)


def claiming_less(handler: Handler) -> None:
    rest = BODY[handler.start :]
    place = f"bytes {handler.start}-{len(BODY) - 1}/{len(BODY)}"
    handler.head(206 if handler.start else 200, min(len(rest), HALF // 2), Content_Range=place)
    handler.wfile.write(rest)
    handler.close_connection = True


def claiming_more(handler: Handler) -> None:
    handler.head(200, len(BODY) + 1000)
    handler.wfile.write(BODY)
    handler.close_connection = True


def sending_more(handler: Handler) -> None:
    """Without end, until the client hangs up."""
    handler.head(200, 10**15)
    handler.wfile.write(BODY)
    while True:
        handler.wfile.write(bytes(100_000))


def another_range(handler: Handler) -> None:
    handler.head(206, 10, Content_Range=f"bytes 5-14/{len(BODY)}")
    handler.wfile.write(BODY[5:15])


def wrong_bytes(handler: Handler) -> None:
    handler.head(200, len(BODY))
    handler.wfile.write(b"\0" * len(BODY))


def login_page(handler: Handler) -> None:
    handler.head(200, 13)
    handler.wfile.write(b"<html>please!")


def status(code: int) -> Answer:
    return lambda handler: handler.head(code, 0)


def redirect(handler: Handler) -> None:
    handler.head(302, 0, Location="/elsewhere")


def wanted_from(source: str, folder: Path) -> PinnedFile:
    sha256 = hashlib.sha256(BODY).hexdigest()
    return PinnedFile(source=source, target=folder / "model.bin", size_bytes=len(BODY), sha256=sha256)


def fetched(folder: Path, *answers: Answer) -> Server:
    """The server, after one fetch through which nobody waited."""
    with Server(*answers) as server:
        fetch(wanted_from(server.address, folder), pause=lambda _seconds: None)
    return server


def leftovers(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("answers", "ranges"),
    [
        pytest.param([whole], [""], id="at once"),
        pytest.param([cut_after(HALF), whole], ["", f"bytes={HALF}-"], id="cut once"),
        pytest.param([cut_after(HALF), ignoring_ranges], ["", f"bytes={HALF}-"], id="a server without ranges"),
        pytest.param([claiming_more], [""], id="a length too large"),
        pytest.param([sending_more], [""], id="bytes after the end"),
        pytest.param([redirect, whole], ["", ""], id="redirected"),
        pytest.param([status(503), status(429), whole], ["", "", ""], id="busy"),
        pytest.param([cut_after(HALF), status(416), whole], ["", f"bytes={HALF}-", ""], id="range refused"),
        pytest.param([cut_after(HALF), another_range, whole], ["", f"bytes={HALF}-", ""], id="another range"),
        pytest.param(
            [claiming_less], ["", *(f"bytes={HALF // 2 * n}-" for n in (1, 2, 3))], id="a length too small, each time"
        ),
    ],
)
def test_the_file_arrives_complete_whatever_the_server_does(
    tmp_path: Path, answers: list[Answer], ranges: list[str]
) -> None:
    server = fetched(tmp_path, *answers)
    assert (tmp_path / "model.bin").read_bytes() == BODY
    assert server.ranges == ranges
    assert server.encodings == {"identity"}, "a compressed answer has other bytes"
    assert leftovers(tmp_path) == {"model.bin"}


def test_retries_continue_as_long_as_each_connection_brings_some_bytes(
    tmp_path: Path,
) -> None:
    breaks = TRIES * 3
    server = fetched(tmp_path, cut_after(len(BODY) // breaks))
    assert (tmp_path / "model.bin").read_bytes() == BODY
    assert len(server.ranges) > breaks


@pytest.mark.parametrize(
    ("answer", "requests"),
    [
        pytest.param(cut_after(0), TRIES, id="never a byte"),
        pytest.param(login_page, TRIES, id="a login page"),
        pytest.param(status(500), TRIES, id="broken"),
        pytest.param(status(404), 1, id="not there"),
        pytest.param(status(403), 1, id="forbidden"),
        pytest.param(redirect, 21, id="redirected in a circle"),
    ],
)
def test_a_server_without_the_file_is_reported_with_its_address(tmp_path: Path, answer: Answer, requests: int) -> None:
    with Server(answer) as server:
        with pytest.raises(DownloadError, match="CHORUS_MIRROR") as caught:
            fetch(wanted_from(server.address, tmp_path), pause=lambda _seconds: None)
        assert server.address in str(caught.value)
    assert len(server.ranges) == requests
    assert not (tmp_path / "model.bin").exists()


def test_wrong_bytes_are_deleted_and_reported(tmp_path: Path) -> None:
    with Server(wrong_bytes) as server, pytest.raises(DownloadError, match="not the pinned file"):
        fetch(wanted_from(server.address, tmp_path))
    assert leftovers(tmp_path) == set()


def test_bytes_that_arrived_before_a_kill_are_not_fetched_again(tmp_path: Path) -> None:
    held = threading.Event()

    def half_and_no_more(handler: Handler) -> None:
        handler.head(200, len(BODY))
        handler.wfile.write(BODY[:HALF])
        handler.wfile.flush()
        held.wait()
        handler.close_connection = True

    with Server(half_and_no_more, whole) as server:
        wanted = wanted_from(server.address, tmp_path)
        with started(_fetching_child(wanted)):
            wait_until(
                lambda: wanted.part.exists() and wanted.part.stat().st_size > HALF // 2, description="half is here"
            )
        held.set()
        fetch(wanted)
    assert wanted.target.read_bytes() == BODY
    assert int(server.ranges[1].removeprefix("bytes=").removesuffix("-")) > HALF // 2


def _fetching_child(wanted: PinnedFile) -> subprocess.Popen[bytes]:
    code = (
        "import sys; from pathlib import Path; from workers.models.download import PinnedFile, fetch; "
        "fetch(PinnedFile(source=sys.argv[1], target=Path(sys.argv[2]), "
        "size_bytes=int(sys.argv[3]), sha256=sys.argv[4]))"
    )
    arguments = [wanted.source, str(wanted.target), str(wanted.size_bytes), wanted.sha256]
    root = Path(__file__).parents[2]
    return subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=root, stderr=subprocess.DEVNULL)


def test_two_threads_at_once_fetch_the_file_once(tmp_path: Path) -> None:
    go = threading.Event()

    def slowly(handler: Handler) -> None:
        go.wait()
        whole(handler)

    with Server(slowly) as server:
        wanted = wanted_from(server.address, tmp_path)
        both = [threading.Thread(target=fetch, args=(wanted,)) for _ in range(2)]
        for thread in both:
            thread.start()
        wait_until(lambda: server.ranges, description="one of them asks")
        go.set()
        for thread in both:
            thread.join()
    assert server.ranges == [""]
    assert wanted.target.read_bytes() == BODY


def test_two_processes_at_once_fetch_the_file_once(tmp_path: Path) -> None:
    go = threading.Event()

    def slowly(handler: Handler) -> None:
        go.wait()
        whole(handler)

    with Server(slowly) as server:
        wanted = wanted_from(server.address, tmp_path)
        with started(_fetching_child(wanted)) as first:
            wait_until(lambda: server.ranges, description="the first one asks")
            with started(_fetching_child(wanted)) as second:
                go.set()
                assert (first.wait(), second.wait()) == (0, 0)
    assert server.ranges == [""]
    assert wanted.target.read_bytes() == BODY


def test_a_login_page_left_by_an_earlier_download_is_replaced(tmp_path: Path) -> None:
    with Server(whole) as server:
        wanted = wanted_from(server.address, tmp_path)
        wanted.part.write_bytes(b"<html>please!")
        fetch(wanted)
    assert wanted.target.read_bytes() == BODY
    assert server.ranges == ["bytes=13-", ""]


def test_a_file_that_exists_already_is_not_requested(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(BODY)
    assert fetched(tmp_path, whole).ranges == []


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(BODY[:-1] + b"?")
    fetched(tmp_path, whole)
    assert (tmp_path / "model.bin").read_bytes() == BODY


def test_progress_counts_up_to_the_size_from_where_it_resumed(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    with Server(whole) as server:
        wanted = wanted_from(server.address, tmp_path)
        wanted.part.write_bytes(BODY[:HALF])
        fetch(wanted, progress=lambda done, total: seen.append((done, total)))
    assert seen[0][0] > HALF
    assert seen == sorted(seen)
    assert seen[-1] == (len(BODY), len(BODY))


def test_a_full_disk_is_refused_before_any_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=len(BODY)))
    with Server(whole) as server, pytest.raises(DiskError, match=r"needs 18 MB and .* has 1 MB free"):
        fetch(wanted_from(server.address, tmp_path))
    assert server.ranges == []


def test_a_disk_that_fills_up_meanwhile_gives_one_sentence(tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(BODY)
    child = (
        "import resource, sys; from pathlib import Path; from chorus.errors import DiskError\n"
        "from workers.models.download import PinnedFile, fetch\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "wanted = PinnedFile(source=sys.argv[1], target=Path(sys.argv[2]), size_bytes=1_000_000, sha256='0' * 64)\n"
        "try:\n    fetch(wanted)\n"
        "except DiskError as error:\n    print(error)\n"
    )
    command = [sys.executable, "-c", child, str(source), str(tmp_path / "models" / "model.bin")]
    said = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert said.stdout.startswith(f"{tmp_path / 'models'} cannot be written (File too large)")
    assert said.stderr == ""


def test_a_target_that_cannot_be_a_folder_gives_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(DiskError, match="models cannot be written"):
        fetch(wanted_from("http://127.0.0.1:1/", tmp_path / "models"))


def test_a_folder_serves_as_a_mirror(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(BODY)
    fetch(wanted_from(str(tmp_path / "model.bin"), tmp_path / "models"))
    assert (tmp_path / "models" / "model.bin").read_bytes() == BODY


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "missing or cannot be read"), (b"short", "not the pinned file"), (BODY[::-1], "not the pinned file")],
)
def test_a_folder_without_the_file_gives_one_sentence(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(DownloadError, match=sentence):
        fetch(wanted_from(str(tmp_path / "model.bin"), tmp_path / "models"))
    assert leftovers(tmp_path / "models") == set()


@pytest.fixture
def dead_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"socks5://127.0.0.1:{free_port()}")


@pytest.mark.usefixtures("dead_proxies")
def test_loopback_addresses_bypass_proxies(tmp_path: Path) -> None:
    fetched(tmp_path, whole)
    assert (tmp_path / "model.bin").read_bytes() == BODY


@pytest.mark.usefixtures("dead_proxies")
@pytest.mark.parametrize("address", ["http://elsewhere.invalid/model.bin", "http://[/model.bin"])
def test_an_invalid_proxy_or_address_gives_one_sentence(tmp_path: Path, address: str) -> None:
    with pytest.raises(DownloadError) as caught:
        fetch(wanted_from(address, tmp_path), pause=lambda _seconds: None)
    assert address in str(caught.value)
    assert not reachable(address, within_s=1)


def test_a_server_that_answers_is_reachable(tmp_path: Path) -> None:
    with Server(whole) as server:
        assert reachable(server.address, within_s=30)
    assert server.ranges == ["bytes=0-0"]
    (tmp_path / "model.bin").write_bytes(b"")
    assert reachable(str(tmp_path / "model.bin"), within_s=30)


def test_a_server_that_refuses_or_never_answers_is_not_reachable(tmp_path: Path) -> None:
    asked, release = threading.Event(), threading.Event()

    def never(handler: Handler) -> None:
        asked.set()
        release.wait()
        handler.close_connection = True

    with Server(never) as server:
        assert not reachable(server.address, within_s=0.3)
        assert asked.is_set()
        release.set()
    with Server(status(404)) as server:
        assert not reachable(server.address, within_s=30)
    assert not reachable(f"http://127.0.0.1:{free_port()}/", within_s=30)
    assert not reachable(str(tmp_path / "model.bin"), within_s=30)
