"""`--play`: the book is played from its first segment, wherever its audio is stored."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import ValkeyServer, wait_until
from toy.build import build
from workshop import Workshop, opened

from broker.store import LocalStore, part_key
from chorus.client import Client
from chorus.errors import BehindError, FarmError
from chorus.states import State
from chorus.submission import Terms
from tasks.parts.playback import ordered

CHAPTER = "Every sentence of this book is like the one before it, and so the book goes on and on. " * 6
BOOK = "\n\n".join(f"# Chapter {n}\n\n{CHAPTER}" for n in range(4)).encode()


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Speaks slowly enough to be paused in the middle."""
    folder = tmp_path_factory.mktemp("farm")
    slow = build(folder / "slow.onnx", work=100)
    with ValkeyServer(folder) as server, opened(Workshop(server.url, folder, model=slow)) as farm:
        yield farm.start("desk", "voice")


@pytest.fixture
def store(farm: Workshop) -> LocalStore:
    return LocalStore(farm.folder / "home" / "store")


@pytest.fixture(scope="module")
def whole(farm: Workshop, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The book's sound, as its WAV has it."""
    farm.client.submit(BOOK, name="book.md", job="whole", format="wav")
    farm.finished("whole")
    return farm.client.save("whole", tmp_path_factory.mktemp("whole") / "whole.wav").read_bytes()[44:]


def test_a_book_is_played_while_it_is_made(farm: Workshop, store: LocalStore, whole: bytes) -> None:
    farm.client.submit(BOOK, name="book.md", job="beside", format="wav", terms=Terms(store=store.id))
    assert b"".join(ordered(farm.client, store, "beside")) == whole


def test_audio_that_left_the_stream_is_played_from_the_store(farm: Workshop, store: LocalStore, whole: bytes) -> None:
    client = farm.client
    client.submit(BOOK, name="book.md", job="late", format="wav", terms=Terms(store=store.id))

    def stands_in_the_middle() -> bool:
        """Paused first, so that what is stored now is not the whole book by the time it is heard."""
        record = client.job("late")
        if record.state is State.RUNNING and record.parts_done:
            client.want("late", "paused")
        return client.job("late").state is State.PAUSED

    wait_until(stands_in_the_middle, description="the job is paused with a part stored")
    record = client.job("late")
    assert record.parts_done > 0
    with pytest.raises(BehindError):
        next(client.listen("late"))
    listening = ordered(client, store, "late")
    heard = [next(listening)]
    client.want("late", "running")
    heard.extend(listening)
    assert b"".join(heard) == whole


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_a_slow_listener_gets_the_rest_from_the_finished_book(
    farm: Workshop, store: LocalStore, whole: bytes, form: str
) -> None:
    client = farm.client
    client.submit(BOOK, name="book.md", job=f"slow-{form}", format=form, terms=Terms(store=store.id))  # type: ignore[typeddict-item]
    listening = ordered(client, store, f"slow-{form}")
    heard = [next(listening)]
    record = farm.finished(f"slow-{form}")
    parts = [part_key(record.job, record.epoch, part) for part in range(record.parts_total)]
    wait_until(lambda: not any(map(store.exists, parts)), description="the parts are gone, and the book alone is left")
    heard.extend(listening)
    assert b"".join(heard) == whole


def test_a_finished_book_is_played_to_its_last_sample(farm: Workshop, store: LocalStore) -> None:
    farm.client.submit(BOOK, name="book.md", job="lossy", format="m4b", terms=Terms(store=store.id))
    record = farm.finished("lossy")
    assert sum(map(len, ordered(farm.client, store, "lossy"))) == 2 * record.frames


def test_a_deleted_book_is_reported_in_one_sentence(farm: Workshop, store: LocalStore) -> None:
    with Client(farm.url) as client:
        client.submit(b"# A\n\nGone.\n", name="a.md", job="gone", format="wav", terms=Terms(store=store.id))
        record = farm.finished("gone")
        assert record.result is not None
        Path(record.result.path).unlink()
        with pytest.raises(FarmError, match="is gone from the store"):
            list(ordered(client, store, "gone"))
