"""`--play`: a book heard while it is made, from its first segment, through the machine's player.

A player is slower than a farm, so what the stream has given away by then is read from the store.
"""

import threading
from collections.abc import Iterator

from broker.settings import FarmSettings
from broker.store import LocalStore
from chorus.client import Client
from chorus.errors import BehindError, ChorusError
from chorus.listen import Position
from chorus.player import find_player, speaker
from chorus.records import JobRecord
from chorus.terminal import complain
from chorus.wire import SAMPLE_BYTES, Kind
from tasks.parts import Placed, has_part, read_part, read_sidecar


class Playback:
    """Plays each job that begins, one after another, beside the render."""

    def __init__(self, settings: FarmSettings) -> None:
        self._player = find_player()
        self._settings = settings
        self._queue: threading.Thread | None = None

    def __call__(self, client: Client, record: JobRecord) -> None:
        """A job is on its way: listen to it."""
        before = self._queue
        self._queue = threading.Thread(target=self._play, args=(client, record, before), daemon=True)
        self._queue.start()

    def _play(self, client: Client, record: JobRecord, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        try:
            with speaker(self._player) as write:
                for pcm in ordered(client, LocalStore(self._settings.store_folder()), record.job):
                    write(pcm)
        except ChorusError as error:
            complain(f"The playing stopped, the rendering goes on: {error}")

    def finish(self) -> None:
        """Wait until the last job was heard."""
        if self._queue is not None:
            self._queue.join()


def ordered(client: Client, store: LocalStore, job: str) -> Iterator[bytes]:
    """A job's audio from its first segment: from the store what is there already, from the stream what is new."""
    segment = 0
    while True:
        listener = client.listen(job, Position(segment=segment))
        try:
            for chunk in listener:
                segment = listener.position.segment
                if chunk.kind is Kind.AUDIO:
                    yield chunk.pcm
        except BehindError:
            stored = list(_stored(client, store, job, segment))
            if not stored:
                raise
            for placed, pcm in stored:
                yield pcm
                segment = placed.number + 1
        else:
            return


def _stored(client: Client, store: LocalStore, job: str, segment: int) -> Iterator[tuple[Placed, bytes]]:
    """The rest, from this segment on, of the part that holds it."""
    record = client.job(job)
    for number in range(record.parts_total):
        if not has_part(store, job, record.epoch, number):
            continue
        if read_sidecar(store, job, record.epoch, number).segments[-1].number < segment:
            continue
        part = read_part(store, job, record.epoch, number)
        for placed in part.sidecar.segments:
            if placed.number >= segment:
                start = placed.offset * SAMPLE_BYTES
                yield placed, part.pcm[start : start + placed.frames * SAMPLE_BYTES]
        return
