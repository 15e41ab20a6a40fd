"""The jobs of a soak: what is asked of each while it is made, what it must come to, and what must be heard of it."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
from soak.sources import BOOKS, LONG, POISON, POISONED, SHORT, UNREADABLE, Source, heard_of
from toy.decode import decode
from workshop import heard_tokens

from chorus.client import Client
from chorus.errors import ChorusError
from chorus.records import JobRecord
from chorus.request import FORMATS
from chorus.states import State
from chorus.submission import Terms
from chorus.wire import RATE_HZ, Kind
from tasks.parts.coverage import solid

LOSSLESS = ("wav", "flac")
# What an encoder may put before and behind the sound.
SPARE_S = 0.2
BREAK_OFF_AFTER = 3


@dataclass(kw_only=True)
class Job:
    """One job, by the name under which it is submitted."""

    name: str
    source: Source
    wishes: dict[str, Any]
    priority: Any = "normal"
    must_be: State = State.DONE
    notes: Counter[str] = field(default_factory=Counter)
    """What is worth a line in the table, by its words."""

    @property
    def kind(self) -> str:
        return self.name.rpartition("-")[0]

    def submit(self, client: Client) -> None:
        terms = Terms(priority=self.priority)
        client.submit(self.source.data, name=self.source.name, job=self.name, terms=terms, **self.wishes)

    def advance(self, client: Client, record: JobRecord) -> None:
        """What its owner does when he looks at it."""

    def over(self, record: JobRecord) -> bool:
        return record.finished

    def check(self, client: Client, record: JobRecord, folder: Path) -> None:  # noqa: ARG002 - others need both
        """Once it is over: it came to what it must."""
        assert record.state is self.must_be, f"{self.name} is {record.state}: {record.error}"


@dataclass(kw_only=True)
class Book(Job):
    """A job with a file."""

    failed: int = 0
    """Segments that must be missing."""

    def check(self, client: Client, record: JobRecord, folder: Path) -> None:
        super().check(client, record, folder)
        assert record.segments_failed == self.failed, f"{self.name}: {record}"
        assert record.segments_done + self.failed == record.segments_planned
        assert record.characters_total - record.characters == self._characters_lost()
        saved = client.save(self.name, folder)
        if saved.suffix[1:] in LOSSLESS:
            assert heard_tokens(saved) == list(heard_of(self.source)), f"{self.name} is not what it must be"
            self.notes["files heard to the last token"] += 1
        else:
            assert record.result is not None
            assert abs(_length_s(saved) - record.result.frames / RATE_HZ) < SPARE_S, f"{self.name} has another length"
            self.notes["compressed files of the right length"] += 1
        saved.unlink()

    def _characters_lost(self) -> int:
        return len(solid(POISON)) * self.failed


@dataclass(kw_only=True)
class Cancelled(Job):
    """Cancelled once so many segments are spoken."""

    after: int
    must_be: State = State.CANCELLED

    def advance(self, client: Client, record: JobRecord) -> None:
        if record.segments_done >= self.after and record.want != "cancelled":
            client.want(self.name, "cancelled")


@dataclass(kw_only=True)
class Paused(Book):
    """Paused once so many segments are spoken, looked at for a while, and resumed."""

    after: int
    looks: int
    _stage: str = "running"

    def advance(self, client: Client, record: JobRecord) -> None:
        if self._stage == "running" and record.segments_done >= self.after:
            client.want(self.name, "paused")
            self._stage = "asked"
        elif self._stage == "asked" and record.state is State.PAUSED:
            self.looks -= 1
            if self.looks == 0:
                client.want(self.name, "running")
                self._stage = "resumed"

    def check(self, client: Client, record: JobRecord, folder: Path) -> None:
        super().check(client, record, folder)
        assert self._stage == "resumed", f"{self.name} was over before it was paused"


@dataclass(kw_only=True)
class Failing(Job):
    """A job that cannot come to anything, and must say why."""

    because: str
    must_be: State = State.FAILED

    def check(self, client: Client, record: JobRecord, folder: Path) -> None:
        super().check(client, record, folder)
        assert self.because in record.error, f"{self.name} failed otherwise: {record.error}"


@dataclass(kw_only=True)
class Live(Job):
    """Somebody listens, sometimes breaks off, and goes on where he was."""

    breaks_off: bool
    failed: int = 0
    _heard: bytes = b""
    _marks: int = 0
    _problem: str = ""
    _listener: threading.Thread | None = None

    def submit(self, client: Client) -> None:
        super().submit(client)
        self._listener = threading.Thread(target=self._listen, args=(client,), name=self.name, daemon=True)
        self._listener.start()

    def over(self, record: JobRecord) -> bool:
        return record.finished and self._listener is not None and not self._listener.is_alive()

    def check(self, client: Client, record: JobRecord, folder: Path) -> None:
        super().check(client, record, folder)
        if self.must_be is State.FAILED:
            assert "ended without its audio" in self._problem, f"{self.name}: its listener was told {self._problem!r}"
            return
        assert not self._problem, f"{self.name}: {self._problem}"
        assert record.segments_failed == self._marks == self.failed
        heard = decode(np.frombuffer(self._heard, np.int16))
        assert heard == list(heard_of(self.source, live=True)), f"{self.name} was heard otherwise"
        self.notes["live jobs heard to the last token"] += 1

    def _listen(self, client: Client) -> None:
        listener = client.listen(self.name)
        try:
            for count, chunk in enumerate(listener):
                self._take(chunk)
                if self.breaks_off and count == BREAK_OFF_AFTER:
                    break
            else:
                return
            listener.close()
            with client.listen(self.name, listener.position) as again:
                for chunk in again:
                    self._take(chunk)
        except ChorusError as error:
            self._problem = str(error)

    def _take(self, chunk: Any) -> None:
        if chunk.kind is Kind.AUDIO:
            self._heard += chunk.pcm
        self._marks += chunk.kind is Kind.FAILURE


def _length_s(path: Path) -> float:
    with av.open(str(path)) as container:
        return float((container.duration or 0) / 1_000_000)


def a_book(chance: random.Random, name: str) -> Job:
    return Book(name=name, source=chance.choice(BOOKS), wishes=_wishes(chance), priority=_priority(chance))


def a_long_book(chance: random.Random, name: str) -> Job:
    return Book(name=name, source=LONG, wishes=_wishes(chance), priority=_priority(chance))


def a_note(chance: random.Random, name: str) -> Job:
    return Book(name=name, source=chance.choice(SHORT), wishes=_wishes(chance))


def a_live_one(chance: random.Random, name: str) -> Job:
    source = chance.choice((*SHORT, *BOOKS))
    return Live(name=name, source=source, wishes={"live": True}, breaks_off=chance.random() < 0.5)


def a_live_one_with_a_gap(chance: random.Random, name: str) -> Job:
    source = chance.choice(POISONED)
    return Live(name=name, source=source, wishes={"live": True, "on_error": "silence"}, breaks_off=False, failed=1)


def a_cancelled_one(chance: random.Random, name: str) -> Job:
    return Cancelled(name=name, source=LONG, wishes=_wishes(chance), after=chance.randrange(30))


def a_paused_one(chance: random.Random, name: str) -> Job:
    return Paused(
        name=name, source=LONG, wishes=_wishes(chance), after=chance.randrange(30), looks=chance.randrange(5, 40)
    )


def an_unreadable_one(chance: random.Random, name: str) -> Job:
    return Failing(name=name, source=UNREADABLE, wishes=_wishes(chance), because=UNREADABLE.name)


def one_for_nobodys_voice(chance: random.Random, name: str) -> Job:
    return Failing(
        name=name, source=chance.choice(BOOKS), wishes=_wishes(chance, voice="af_nobody"), because="af_nobody"
    )


def a_live_one_for_nobodys_voice(chance: random.Random, name: str) -> Job:
    wishes = {"live": True, "voice": "af_nobody"}
    return Live(name=name, source=chance.choice(SHORT), wishes=wishes, breaks_off=False, must_be=State.FAILED)


def one_with_a_gap(chance: random.Random, name: str) -> Job:
    return Book(name=name, source=chance.choice(POISONED), wishes=_wishes(chance, on_error="silence"), failed=1)


def one_that_stops_at_the_poison(chance: random.Random, name: str) -> Job:
    return Failing(
        name=name, source=chance.choice(POISONED), wishes=_wishes(chance, on_error="stop"), because="Reshape"
    )


MIX: dict[Callable[[random.Random, str], Job], int] = {
    a_book: 8,
    a_long_book: 1,
    a_note: 6,
    a_live_one: 5,
    a_live_one_with_a_gap: 1,
    a_cancelled_one: 2,
    a_paused_one: 2,
    an_unreadable_one: 1,
    one_for_nobodys_voice: 1,
    a_live_one_for_nobodys_voice: 1,
    one_with_a_gap: 1,
    one_that_stops_at_the_poison: 1,
}
"""Every kind of job, with how often it comes among the others."""


def draw(chance: random.Random, number: int) -> Job:
    """The next job; each kind comes once before chance decides."""
    kinds = list(MIX)
    make = kinds[number] if number < len(kinds) else chance.choices(kinds, list(MIX.values()))[0]
    return make(chance, f"{make.__name__.replace('_', '-')}-{number}")


def _wishes(chance: random.Random, **more: str) -> dict[str, Any]:
    return {"format": chance.choice(FORMATS), "speed": chance.choice((1.0, 1.0, 2.0)), **more}


def _priority(chance: random.Random) -> str:
    return chance.choice(("low", "normal", "normal", "high"))
