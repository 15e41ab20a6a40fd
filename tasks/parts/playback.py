"""`--play`: plays a book while it is rendered, from its first segment, through the machine's audio player.

Playing is slower than rendering. Audio that has left the stream is read from the parts in the store, and after the
bind, which deletes the parts, from the finished file. Knows nothing of how the job is rendered.
"""

import itertools
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from broker.settings import FarmSettings
from broker.store import LocalStore, result_key
from chorus.client import Client
from chorus.errors import BehindError, ChorusError, FarmError, JobFailedError
from chorus.hearing import Position
from chorus.listen import Listener
from chorus.player import find_player, speaker
from chorus.records import JobRecord
from chorus.states import State
from chorus.terminal import complain
from chorus.wire import RATE_HZ, SAMPLE_BYTES, Kind
from tasks.parts.part_files import Part, has_part, read_part, read_sidecar

GOODBYE_S = 5.0


class Playback:
    """Plays the jobs of a render one after another. Leaving the context without an error waits until all was played."""

    def __init__(self, settings: FarmSettings) -> None:
        self._player = find_player()
        self._settings = settings
        self._last: threading.Thread | None = None
        self._running: subprocess.Popen[bytes] | None = None
        self._listener: Listener | None = None
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None and self._last is not None:
                self._last.join()
        finally:
            self._stop()

    def __call__(self, client: Client, record: JobRecord) -> None:
        """Play this job, after those before it."""
        before = self._last
        self._last = threading.Thread(target=self._play, args=(client, record, before), daemon=True)
        self._last.start()

    def _play(self, client: Client, record: JobRecord, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        if self._stopped:
            return
        try:
            with speaker(self._player, self._begun) as speaking:
                for pcm in ordered(client, LocalStore(self._settings.store_folder()), record.job, self._listens):
                    speaking.write(pcm)
        except JobFailedError:
            return  # the render reports the failed job
        except ChorusError as error:
            if not self._stopped:
                complain(f"Playback stopped, rendering continues: {error}")

    def _listens(self, listener: Listener) -> None:
        self._listener = listener
        if self._stopped:
            listener.give_up()

    def _begun(self, player: "subprocess.Popen[bytes]") -> None:
        self._running = player
        if self._stopped:
            player.kill()

    def _stop(self) -> None:
        """Stop the sound at once: a user who interrupts a render wants silence. The thread ends with a broken pipe."""
        self._stopped = True
        if self._listener is not None:
            self._listener.give_up()
        if self._running is not None:
            self._running.kill()
        if self._last is not None:
            self._last.join(GOODBYE_S)


@dataclass(kw_only=True)
class _Place:
    """How far the playback is."""

    segment: int = 0
    """The segment that is being played, or the next one."""
    frames: int = 0
    """The frames of that segment that were played."""


def _ignore(_listener: Listener) -> None:
    pass


def ordered(
    client: Client, store: LocalStore, job: str, listens: Callable[[Listener], None] = _ignore
) -> Iterator[bytes]:
    """A job's audio from its first segment on: from the stream, and what the stream no longer has from the store.

    `listens` gets each listener before it is read, so that another thread can end it.
    """
    place = _Place()
    while True:
        try:
            yield from _from_stream(client, job, place, listens)
        except BehindError:
            record = client.job(job)
            if record.state is State.DONE:
                yield from _from_book(store, record, place)
                return
            yield from _from_part(store, record, place)
        else:
            return


def _from_stream(client: Client, job: str, place: _Place, listens: Callable[[Listener], None]) -> Iterator[bytes]:
    with client.listen(job, Position(segment=place.segment)) as listener:
        listens(listener)
        heard = place.frames
        for chunk in listener:
            if chunk.segment != place.segment:
                place.segment, place.frames, heard = chunk.segment, 0, 0
            if chunk.kind is not Kind.AUDIO:
                continue
            new = chunk.pcm[heard * SAMPLE_BYTES :]
            heard = max(0, heard - chunk.frames)
            if new:
                place.frames += len(new) // SAMPLE_BYTES
                yield new


def _from_part(store: LocalStore, record: JobRecord, place: _Place) -> Iterator[bytes]:
    """The audio from this place to the end of its part."""
    found = _part_with(store, record, place.segment)
    for placed in found.sidecar.segments if found else ():
        if found and placed.number >= place.segment:
            skipped = place.frames if placed.number == place.segment else 0
            start = (placed.offset + skipped) * SAMPLE_BYTES
            yield found.pcm[start : (placed.offset + placed.frames) * SAMPLE_BYTES]
            place.segment, place.frames = placed.number + 1, 0


def _part_with(store: LocalStore, record: JobRecord, segment: int) -> Part | None:
    """The part that holds this segment; None if the book was bound meanwhile and its parts were deleted."""
    for number in range(record.parts_total):
        if not has_part(store, record.job, record.epoch, number):
            continue
        if read_sidecar(store, record.job, record.epoch, number).segments[-1].number >= segment:
            return _unless_bound(store, record, number)
    lost = f"Segment {segment} of job {record.job} is neither on the stream nor in the store"
    raise BehindError(f"{lost}: play the file when it is finished.")


def _unless_bound(store: LocalStore, record: JobRecord, part: int) -> Part | None:
    try:
        return read_part(store, record.job, record.epoch, part)
    except FarmError:
        if store.exists(result_key(record.job, record.epoch, record.request.format)):
            return None
        raise


def _from_book(store: LocalStore, record: JobRecord, place: _Place) -> Iterator[bytes]:
    """The audio from this place to the end of the finished file. The sidecars say where the place is."""
    sidecars = [read_sidecar(store, record.job, record.epoch, number) for number in range(record.parts_total)]
    before = (placed.frames for sidecar in sidecars for placed in sidecar.segments if placed.number < place.segment)
    at = (sum(before) + place.frames) * SAMPLE_BYTES
    # A decoder may add silence after the last sample.
    end = sum(sidecar.frames for sidecar in sidecars) * SAMPLE_BYTES
    for pcm in _decoded(store, result_key(record.job, record.epoch, record.request.format)):
        yield pcm[at:end]
        at, end = max(0, at - len(pcm)), max(0, end - len(pcm))


def _decoded(store: LocalStore, key: str) -> Iterator[bytes]:
    import av  # noqa: PLC0415 - 17 MB of FFmpeg, needed only here

    if not store.exists(key):
        raise FarmError(f"{key} is gone from the store {store.folder}: render the job again with --fresh.")
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    with av.open(store.path(key)) as book:
        for frame in itertools.chain(book.decode(audio=0), (None,)):
            for block in resampler.resample(frame):
                yield block.to_ndarray().tobytes()
