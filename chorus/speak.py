"""Speaks a text into a file, a pipe or the loudspeaker, while its audio is made. Knows nothing of the command line."""

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chorus import languages, voices
from chorus.client import Client
from chorus.errors import ChorusError, JobFailedError, OptionError, OutputError, SourceError
from chorus.files import check_output
from chorus.input_file import PIPE, is_folder
from chorus.player import AudioOutput, Write, find_player, speaker
from chorus.request import Wishes, format_of, requested
from chorus.terminal import complain, warn_of_stand_in
from chorus.wav import WavWriter, wav_file
from chorus.wire import RATE_HZ, SAMPLE_BYTES, Kind

LEAD_MS: Final = 50
"""Silence before live sound: a loudspeaker that wakes up swallows the first syllable."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechRequest:
    """A text to speak, with its options and where the audio goes."""

    text: str
    wishes: Wishes
    output: Path | None
    """A file, `-` for standard output, or None for the loudspeaker."""
    lead_ms: int | None = None
    """Silence before the first sound, not counted in any duration. None: LEAD_MS, but no silence in a file."""


def speak(speech: SpeechRequest, connect: Callable[[], AbstractContextManager[Client]]) -> None:
    """Speak a text. The output is opened first, so that no job is made for one that cannot be opened."""
    if not speech.text.strip():
        raise SourceError("There is nothing to say, the text is empty: write some.")
    if speech.output is not None and speech.output != PIPE and speech.output.suffix.lower() != ".wav":
        _say_into_file(speech, speech.output, connect)
        return
    requested(speech.wishes)
    usual_ms = LEAD_MS if speech.output in (None, PIPE) else 0
    with ExitStack() as stack:
        speaking = stack.enter_context(_sink(speech.output))
        write = _led(speaking.write, usual_ms if speech.lead_ms is None else speech.lead_ms)
        _say_aloud(stack.enter_context(connect()), speech, speaking, write)


def _sink(output: Path | None) -> AbstractContextManager[AudioOutput]:
    if output is None:
        return speaker(find_player())
    return _standard_output() if output == PIPE else _wav(output)


def _led(write: Write, lead_ms: int) -> Write:
    """The same, but it writes silence before the first sound."""
    left = [bytes(lead_ms * RATE_HZ // 1000 * SAMPLE_BYTES)]

    def write_led(pcm: bytes) -> None:
        if left and (lead := left.pop()):
            write(lead)
        write(pcm)

    return write_led


@contextlib.contextmanager
def _wav(path: Path) -> Iterator[AudioOutput]:
    with wav_file(path) as wav:
        yield AudioOutput(wav.write)


@contextlib.contextmanager
def _standard_output() -> Iterator[AudioOutput]:
    if sys.stdout.isatty():
        raise OutputError("Audio on a terminal is noise: send -o - into a pipe or a file, or name the file.")
    stream = sys.stdout.buffer
    with ExitStack() as stack:
        begun: list[WavWriter] = []

        def write(pcm: bytes) -> None:
            # Not before there is audio: a job that fails at once leaves the pipe empty.
            if not begun:
                begun.append(stack.enter_context(WavWriter(stream)))
            begun[0].write(pcm)
            # The next program plays what it has: nothing may wait in a buffer here.
            stream.flush()

        yield AudioOutput(write)


def _say_aloud(client: Client, speech: SpeechRequest, speaking: AudioOutput, write: Write) -> None:
    """A live job, written as it is made. It is cancelled when nothing can be written any more, or by a Ctrl-C."""
    _check_voice(client, speech)
    wishes: Wishes = {**speech.wishes, "live": True}
    job = client.submit(speech.text, **wishes).job
    try:
        with client.listen(job) as listener:
            # A player may end while there is no audio to write yet, and only a write would notice it.
            speaking.when_ended(listener.give_up)
            for chunk in listener:
                if chunk.kind is Kind.AUDIO:
                    write(chunk.pcm)
                elif chunk.kind is Kind.FAILURE:
                    complain(f"segment {chunk.segment} could not be spoken: {chunk.text}")
            speaking.check()
    except JobFailedError:
        raise
    except BaseException:
        with contextlib.suppress(ChorusError):
            client.want(job, "cancelled")
        raise
    warn_of_stand_in(client.job(job), client.workers())


def _check_voice(client: Client, speech: SpeechRequest) -> None:
    """Refuse an unknown voice before a job is made for it. While no voice worker is registered, only the desk can."""
    known = {name for worker in client.workers() for name in worker.voices}
    if known and (voice := speech.wishes.get("voice")):
        code = speech.wishes.get("language", "")
        voices.require(voice, known, letters=languages.letters_of(languages.normalise(code)) if code else "")


def _say_into_file(speech: SpeechRequest, path: Path, connect: Callable[[], AbstractContextManager[Client]]) -> None:
    """A file in a format that is written once all of the audio is there."""
    if is_folder(path):
        raise OutputError(f"{path} is a folder: name a file.")
    form = format_of(path)
    if not form:
        name, better = shlex.quote(str(path)), shlex.quote(f"{path}.wav")
        raise OutputError(f"{name} has no ending that names its format: name it {better}.")
    if speech.lead_ms:
        raise OptionError(
            "--lead-ms is for audio that is heard while it is made: leave it out, "
            f"or name a .wav instead of {shlex.quote(str(path))}."
        )
    check_output(path)
    wishes: Wishes = {**speech.wishes, "format": form}
    with connect() as client:
        _check_voice(client, speech)
        job = client.submit(speech.text, **wishes).job
        warn_of_stand_in(client.wait(job), client.workers())
        client.save(job, path)
