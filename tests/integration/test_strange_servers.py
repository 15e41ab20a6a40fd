"""Whatever answers in place of a Redis: each command ends with one sentence that says what it did and what to do."""

import itertools
import re
from pathlib import Path

import pytest
from strange_server import Answer, StrangeServer, serving

from broker import health, reach
from broker.settings import FarmSettings
from broker.store import LocalStore
from chorus import bounded_replies, connection
from chorus.commands import run
from chorus.errors import ServerError
from workers.commands import app

POSTGRES = b"E\x00\x00\x00\x91SFATAL\x00VFATAL\x00C0A000\x00Munsupported frontend protocol\x00\x00"
MYSQL = b"J\x00\x00\x00\x0a8.0.36\x00\x08\x00\x00\x00abcdefgh\x00"
NO_REDIS = "is no Redis or Valkey ("
NOT_IN_TIME = "gives no whole answer in time: if it is Redis or Valkey"
CLOSES = "closes the connection: if it is Redis or Valkey"

STRANGE: dict[str, tuple[Answer, str]] = {
    "a web server": ([b"HTTP/1.1 400 Bad Request\r\nAge: 0\r\n\r\n"], f"{NO_REDIS}it began with 'HTTP/1.1 400"),
    "a web page": ([b"<!DOCTYPE HTML>\n<html>"], f"{NO_REDIS}it began with '<!DOCTYPE HTML>"),
    "Postgres": ([POSTGRES], f"{NO_REDIS}it began with 'E\\x00"),
    "MySQL": ([MYSQL], f"{NO_REDIS}it began with 'J\\x00"),
    "SSH": ([b"SSH-2.0-OpenSSH_9.6\r\n"], f"{NO_REDIS}it began with 'SSH-2.0-OpenSSH_9.6'"),
    "SMTP": ([b"220 mail ESMTP\r\n"], f"{NO_REDIS}it began with '220 mail ESMTP'"),
    "memcached": ([b"ERROR\r\n"], f"{NO_REDIS}it began with 'ERROR'"),
    "TLS": ([b"\x15\x03\x01\x00\x02\x02\x16"], f"{NO_REDIS}it began with '\\x15\\x03"),
    "an empty line": ([b"\r\n"], f"{NO_REDIS}it began with ''"),
    "a line without end": (itertools.repeat(b"+" + b"a" * 65536), f"{NO_REDIS}a line that does not end)"),
    "bytes without end": (itertools.repeat(b"a" * 65536), f"{NO_REDIS}it began with 'aaaa"),
    "a list in a list in a list": ([b"*1\r\n" * 1000 + b":1\r\n"], f"{NO_REDIS}lists within lists without end)"),
    "lists within lists without end": (itertools.repeat(b"*1\r\n"), f"{NO_REDIS}lists within lists without end)"),
    "a value of ten gigabytes": ([b"$10000000000\r\n", b"a" * 1000], f"{NO_REDIS}a value of 10000000000 bytes)"),
    "a value of less than nothing": ([b"$-7\r\n"], f"{NO_REDIS}a value of -7 bytes)"),
    "a length that is no number": ([b"$many\r\n"], f"{NO_REDIS}a reply that cannot be read: "),
    "a length of many digits": ([b"*" + b"9" * 5000 + b"\r\n"], f"{NO_REDIS}a reply that cannot be read: "),
    "a value longer than announced": ([b"$1\r\nabcdef\r\n"], f"{NO_REDIS}a value that is longer than announced)"),
    "a list without end": ([b"*1000000000\r\n" + b":1\r\n" * 60_000], f"{NO_REDIS}a reply that does not end)"),
    "half a value": ([b"$100\r\nabc"], NOT_IN_TIME),
    "half a list": ([b"*3\r\n:1\r\n"], NOT_IN_TIME),
    "nothing": ([], NOT_IN_TIME),
    "LOADING": ([b"-LOADING Valkey is loading the dataset in memory\r\n"], "is still reading its data from disk: try"),
    "BUSY": ([b"-BUSY Valkey is busy running a script.\r\n"], "is busy with a script: try again in a moment, or end"),
    "MASTERDOWN": ([b"-MASTERDOWN Link with MASTER is down\r\n"], "is a replica that has lost its primary: name the"),
    "NOAUTH": ([b"-NOAUTH Authentication required.\r\n"], "asks for a password: name it in the address, redis://:"),
    "READONLY": ([b"-READONLY You can't write against a read only replica.\r\n"], "is a read-only replica: name the"),
    "OOM": ([b"-OOM command not allowed\r\n"], "has no memory left: let jobs finish, or raise its maxmemory"),
    "MISCONF": ([b"-MISCONF Errors writing to the AOF\r\n"], "cannot save to its disk, and refuses to write: free"),
    "NOPERM": ([b"-NOPERM User ada has no permissions to run the 'hgetall' command\r\n"], "does not let this user do "),
    "NOSCRIPT": ([b"-NOSCRIPT No matching script.\r\n"], "keeps no scripts (No matching script): see its log, or name"),
    "NOREPLICAS": ([b"-NOREPLICAS Not enough good replicas.\r\n"], "misses its replicas, and refuses to write:"),
    "MOVED": ([b"-MOVED 3999 127.0.0.1:6381\r\n"], "is part of a cluster, which Chorus cannot use"),
    "CLUSTERDOWN": ([b"-CLUSTERDOWN The cluster is down\r\n"], "is part of a cluster, which Chorus cannot use"),
    "too many clients": ([b"-ERR max number of clients reached\r\n"], "has no connection left: close other clients"),
    "protected mode": ([b"-DENIED Redis is in protected mode\r\n"], "takes connections of its own machine"),
    "an unknown command": ([b"-ERR unknown command 'X', with args\r\n"], "lacks a command (unknown command 'X', with"),
    "no such database": ([b"-ERR DB index is out of range\r\n"], "has no such database (DB index is out of range)"),
    "another type": ([b"-WRONGTYPE Operation against a key\r\n"], "holds something else under a name that Chorus uses"),
    "words that move the cursor": ([b"-ERR \x1b[2J\x1b[31mred\x07\r\n"], "refused ( [2J [31mred): see its log"),
    "words that are no UTF-8": ([b"-ERR \xff\xfe\r\n"], "refused (\ufffd\ufffd): see its log, or name"),
    "many words": ([b"-ERR " + b"long " * 12000 + b"\r\n"], "refused (long long long long long"),
}  # fmt: skip
SHAPES = {
    "OK": b"+OK\r\n",
    "a figure": b":1\r\n",
    "a fraction": b",1.5\r\n",
    "true": b"#t\r\n",
    "words": b"$5\r\nhello\r\n",
    "a list of nothing": b"*1\r\n_\r\n",
    "a list in a list": b"*1\r\n*1\r\n*1\r\n:1\r\n",
    "a list of lists": b"*2\r\n*0\r\n*0\r\n",
    "a map with a list for a key": b"%1\r\n*0\r\n:1\r\n",
    "a push of nothing": b">0\r\n",
}
"""Good grammar, and never what was asked for."""


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What gives no answer is waited for as long as it must be, which a test need not."""
    monkeypatch.setattr(connection, "SOCKET_S", 0.2)
    monkeypatch.setattr(connection, "_RETRY_S", 0.0)
    monkeypatch.setattr(bounded_replies, "MOST_LINES", 50_000)
    monkeypatch.setattr(reach, "ANSWER_S", 0.2)


def ends(capsys: pytest.CaptureFixture[str], url: str, *words: str) -> str:
    """What a command says that ends with one sentence, fit for a terminal."""
    status = run(app, [*words, "--url", url])
    said = capsys.readouterr()
    assert (said.out, status) == ("", 1)
    assert said.err.startswith("chorus: ")
    assert said.err[:-1].isprintable()
    assert "fault of Chorus" not in said.err
    return said.err


@pytest.mark.parametrize("polite", [False, True], ids=["at once", "after it has said hello"])
@pytest.mark.parametrize("what", STRANGE)
def test_what_answers_in_place_of_a_server_is_said(
    capsys: pytest.CaptureFixture[str], what: str, *, polite: bool
) -> None:
    answer, part = STRANGE[what]
    with serving(StrangeServer(answer, polite=polite)) as server:
        assert f" 127.0.0.1:{server.port} {part}" in ends(capsys, server.url, "jobs")


@pytest.mark.parametrize("polite", [False, True], ids=["at once", "after it has said hello"])
@pytest.mark.parametrize("what", SHAPES)
def test_an_answer_of_another_shape_is_no_traceback(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, *, polite: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path / "home"))
    Path("book.md").write_text("# Book\n\nHello.\n")
    with serving(StrangeServer([SHAPES[what]], polite=polite)) as server:
        for words in (
            ["jobs"], ["follow", "a1"], ["cancel", "a1"], ["save", "a1"], ["voices"], ["url"], ["submit", "book.md"],
            ["status"], ["reset"],
        ):  # fmt: skip
            # Some commands need no more than this answer.
            assert run(app, [*words, "--url", server.url]) in {0, 1, 2}
            said = capsys.readouterr().err
            assert not said or (said.startswith("chorus: ") and said[:-1].isprintable())
            assert "fault of Chorus" not in said


@pytest.mark.parametrize(
    ("server", "part"),
    [
        (StrangeServer([], closes=True), CLOSES),
        (StrangeServer([b"+O"], closes=True), CLOSES),
        (StrangeServer([b"*2\r\n:1\r\n"], polite=True, closes=True), CLOSES),
        (StrangeServer(itertools.repeat(b"+"), pause_s=0.05), NOT_IN_TIME),
        (StrangeServer(itertools.repeat(b":1\r\n"), greeting=b"*9\r\n", pause_s=0.05), NOT_IN_TIME),
        (StrangeServer(itertools.repeat(b"a"), polite=True, greeting=b"$999999\r\n", pause_s=0.05), NOT_IN_TIME),
        (StrangeServer([], greeting=b"220 ftp\r\n"), f"{NO_REDIS}it began with '220 ftp'"),
    ],
    ids=[
        "closes",
        "closes half-way",
        "closes in a list",
        "line in drops",
        "list in drops",
        "value in drops",
        "speaks first",
    ],
)
def test_a_server_that_closes_or_dawdles_is_said(
    capsys: pytest.CaptureFixture[str], server: StrangeServer, part: str
) -> None:
    with serving(server):
        assert f" 127.0.0.1:{server.port} {part}" in ends(capsys, server.url, "jobs")
        # What has taken long once would take as long again.
        assert server.connections == 1 or part != NOT_IN_TIME


def test_a_server_without_tls_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(StrangeServer([b"-ERR Protocol error\r\n"])) as server:
        said = ends(capsys, server.url.replace("redis:", "rediss:"), "jobs")
        assert (
            f"What answers at 127.0.0.1:{server.port} does not speak TLS: write redis:// in place of rediss://" in said
        )


COMMANDS = [
    ["submit", "book.md"], ["render", "book.md"], ["say", "Hello.", "-o", "hello.wav"], ["jobs"], ["follow", "a1"],
    ["pause", "a1"], ["resume", "a1"], ["cancel", "a1"], ["retry", "a1"], ["save", "a1"], ["voices"], ["reset"],
    ["url"], ["clean"],
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_every_command_ends_with_the_same_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CHORUS_OFFLINE", "1")
    (tmp_path / "book.md").write_text("# Book\n\nHello.\n")
    LocalStore(tmp_path / "home" / "store")
    # These two ask no more of a polite one than it answers.
    manners = (False,) if words[0] in {"url", "clean"} else (False, True)
    for what, polite in itertools.product(("a list in a list in a list", "NOPERM"), manners):
        answer, part = STRANGE[what]
        with serving(StrangeServer(answer, polite=polite)) as server:
            assert f" 127.0.0.1:{server.port} {part}" in ends(capsys, server.url, *words)


@pytest.mark.parametrize("what", ["a list in a list in a list", "LOADING", "nothing"])
def test_what_reports_on_the_farm_reports_on_its_server(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("CHORUS_HOME", str(tmp_path / "home"))
    answer, part = STRANGE[what]
    with serving(StrangeServer(answer)) as server:
        assert run(app, ["status", "--url", server.url]) == 0
        assert f" 127.0.0.1:{server.port} {part}" in capsys.readouterr().out.splitlines()[0]
        assert run(app, ["metrics", "--url", server.url]) == 0
        assert "chorus_up 0" in capsys.readouterr().out
        monkeypatch.setattr(health, "settings", lambda: FarmSettings(url=server.url))
        with pytest.raises(ServerError, match=re.escape(f" 127.0.0.1:{server.port} {part}")):
            health.check("voice")
    with serving(StrangeServer(answer, polite=True)) as server:
        said = ends(capsys, server.url, "status")
        assert f" 127.0.0.1:{server.port} {part}" in said
