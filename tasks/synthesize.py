"""segment:n — phonemes become audio and are published. Knows the engine only by its Protocol."""

from broker import process
from broker.ledger import Claim, Outcome, Spoken
from broker.watchdog import speaking_s
from chorus.request import Request
from chorus.wire import RATE_HZ, SAMPLE_BYTES, cut
from tasks import audio, engine
from tasks.engine import Lane, Speech, Utterance


def speak(claim: Claim, lane: Lane) -> tuple[Outcome, str]:
    """Speak one segment and commit it."""
    request = Request.from_json(claim.request)
    speed = audio.split_speed(request.speed)
    utterance = Utterance(phonemes=claim.spec["phonemes"], voice=request.voice, speed=speed.model)
    speech = _speech(claim, utterance, lane)
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


def _speech(claim: Claim, utterance: Utterance, lane: Lane) -> Speech:
    """Where processes may have died of it, a process of its own speaks it; the lane's slot is taken all the same."""
    if not claim.apart:
        return engine.current().speak(utterance, lane)
    limit_s = speaking_s(claim, process.current().settings.deadline_s)
    return engine.current().speak_apart(utterance, limit_s=limit_s)
