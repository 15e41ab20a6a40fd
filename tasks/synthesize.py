"""segment:n — phonemes become audio and are published. Knows the engine only by its Protocol."""

from broker import process
from broker.ledger import Claim, Outcome, Spoken
from chorus.request import Request
from chorus.wire import RATE_HZ, SAMPLE_BYTES, cut
from tasks import audio, engine
from tasks.engine import Lane, Utterance


def speak(claim: Claim, lane: Lane) -> tuple[Outcome, str]:
    """Speak one segment and commit it."""
    request = Request.from_json(claim.request)
    speed = audio.split_speed(request.speed)
    utterance = Utterance(phonemes=claim.spec["phonemes"], voice=request.voice, speed=speed.model)
    speech = engine.current().speak(utterance, lane)
    spoken = audio.stretch(audio.to_pcm(speech.audio), speed.stretch)
    pcm = spoken + audio.silence(claim.spec["pause_ms"] / request.speed)
    here = process.current()
    told = Spoken(
        frames=len(pcm) // SAMPLE_BYTES,
        wall_ms=round(speech.seconds * 1000),
        audible=audio.silent_frames(spoken) * SAMPLE_BYTES < len(spoken),
        worker=here.worker.id,
        timings=tuple((symbol, start / speed.stretch, end / speed.stretch) for symbol, start, end in speech.timings),
    )
    outcome = here.ledger.commit_segment(claim, cut(claim.number, pcm), told)
    return outcome, f"{told.frames / RATE_HZ:.1f} s audio in {speech.seconds:.1f} s"
