"""What an application may write against the SDK, checked by `mypy --strict`: the public names keep their types."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import assert_type

import chorus
from chorus import (
    AudioError,
    BehindError,
    CallerError,
    ChorusError,
    Chunk,
    Client,
    ClientSettings,
    ConflictError,
    DiskError,
    FarmError,
    Format,
    JobFailedError,
    JobRecord,
    Kind,
    Listener,
    ModelError,
    OnError,
    OptionError,
    OutputError,
    OutsideError,
    Position,
    Priority,
    Reassembler,
    ReorderError,
    Request,
    Result,
    ServerError,
    SettingError,
    SourceError,
    State,
    Terms,
    UnknownJobError,
    Want,
    WireError,
    Wishes,
    Worker,
)

CALLERS: tuple[type[CallerError], ...] = (
    ConflictError, ModelError, OptionError, OutputError, SettingError, SourceError, UnknownJobError,
)  # fmt: skip
FARMS: tuple[type[FarmError], ...] = (AudioError, BehindError, JobFailedError, ReorderError, WireError)
OUTSIDES: tuple[type[OutsideError], ...] = (DiskError, ServerError)


def submit(client: Client) -> None:
    assert_type(client.submit("Hello."), JobRecord)
    assert_type(client.submit(b"# Hi", name="hi.md", voice="af_sky", speed=1.2, format="m4b", live=False), JobRecord)
    assert_type(client.submit(Path("book.epub"), job="book", cover=Path("cover.png"), fresh=True), JobRecord)
    assert_type(client.submit(b"Hi.", Request(name="hi.txt"), terms=Terms(sound="abc", priority="high")), JobRecord)
    assert_type(client.submit("Hello.", priority="low"), JobRecord)
    client.submit("Hello.", priority="urgent")  # type: ignore[arg-type]
    client.submit("Hello.", format="aac")  # type: ignore[arg-type]
    client.submit("Hello.", voise="af_sky")  # type: ignore[call-arg]
    client.submit(7)  # type: ignore[arg-type]


def wish(client: Client, priority: Priority, form: Format, on_error: OnError) -> None:
    wishes: Wishes = {"voice": "af_sky", "format": form, "on_error": on_error}
    assert_type(client.submit("Hello.", priority=priority, **wishes), JobRecord)
    assert_type(Request(**wishes).format, Format)
    assert_type(replace(Request(**wishes), speed=1.5).speed, float)
    wishes["speed"] = "fast"  # type: ignore[typeddict-item]


def ask(client: Client) -> None:
    assert_type(client.job("a"), JobRecord)
    assert_type(client.jobs(page=2), list[JobRecord])
    assert_type(client.want("a", "paused"), JobRecord)
    assert_type(client.watch("a"), Iterator[JobRecord])
    assert_type(client.wait("a", timeout_s=3), JobRecord)
    assert_type(client.save("a", Path("a.m4b")), Path)
    assert_type(client.workers(), list[Worker])
    assert_type(client.find("ab"), str)
    client.want("a", "faster")  # type: ignore[arg-type]
    wanted: Want = "retry"
    client.want("a", wanted)


def look(record: JobRecord) -> None:
    assert_type(record.state, State)
    assert_type(record.finished, bool)
    assert_type(record.first_audio_ms, int | None)
    assert_type(record.request, Request)
    assert_type(record.result, Result | None)
    record.state = State.DONE  # type: ignore[misc]


def listen(settings: ClientSettings) -> Position:
    with Client("redis://localhost", settings) as client, client.listen("a", Position(segment=3)) as listener:
        assert_type(listener, Listener)
        for chunk in listener:
            assert_type(chunk, Chunk)
            if chunk.kind is Kind.AUDIO:
                assert_type(chunk.pcm, bytes)
        return listener.position


def reassemble(chunk: Chunk) -> None:
    assert_type(Reassembler(3, 1).push(chunk), list[Chunk])


def fail() -> None:
    try:
        Client()
    except ServerError as error:
        assert_type(error.retry, bool)
    except ChorusError as error:
        assert_type(error.exit_code, int)
    assert_type(chorus.__version__, str)
