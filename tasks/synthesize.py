"""segment:n — phonemes become audio and are published. Knows the engine only by its Protocol."""

from broker import worker_process
from broker.ledger import AudioOrigin, Claim, Outcome, SegmentResult
from broker.watchdog import speaking_s
from chorus.request import FASTEST, SLOWEST, Request
from chorus.voices import canonical
from chorus.wire import RATE_HZ, SAMPLE_BYTES, cut
from tasks import engine
from tasks.audio import pcm
from tasks.engine import Lane, Utterance
from tasks.parts import segment_cache
from tasks.parts.segment_cache import CachedSegment


def speak(claim: Claim, lane: Lane) -> tuple[Outcome, str]:
    """Speak one segment, or find it where it was spoken before, and commit it."""
    here = worker_process.current()
    request = Request.from_json(claim.request)
    speed = _speed(claim, request)
    spec = claim.to_speak
    voice = canonical(spec.voice or request.voice)
    name, kept = _name(claim, voice, speed), segment_cache.current()
    primer = request.live and claim.number == 0
    found = kept.find(name, primer=primer) if kept and not claim.fresh else None
    take, spoken_s = (found[0], 0.0) if found else _spoken(claim, voice, speed, lane)
    placed = _led(take, spec.lead_ms / request.speed)
    sound = placed.pcm + pcm.silence(spec.pause_ms / request.speed)
    told = SegmentResult(
        frames=len(sound) // SAMPLE_BYTES,
        wall_ms=round(spoken_s * 1000),
        audible=pcm.silent_frames(take.pcm) * SAMPLE_BYTES < len(take.pcm),
        worker=here.worker.id,
        timings=placed.timings,
        source=found[1] if found else _temperature(here),
    )
    outcome = here.ledger.commit_segment(claim, cut(claim.number, sound), told)
    if kept:
        # Whoever listens has it by now.
        kept.keep(name, take, found=found[1] if found else None, primer=primer)
    how = "spoken before" if found else f"in {spoken_s:.1f} s"
    return outcome, f"{told.frames / RATE_HZ:.1f} s audio {how}"


def _led(take: CachedSegment, lead_ms: float) -> CachedSegment:
    """With the silence that is ordered before it; what is kept for others goes without."""
    if not lead_ms:
        return take
    timings = ((symbol, start + lead_ms / 1000, end + lead_ms / 1000) for symbol, start, end in take.timings)
    return CachedSegment(pcm=pcm.silence(lead_ms) + take.pcm, timings=tuple(timings))


def _speed(claim: Claim, request: Request) -> float:
    """A text may ask for more than there is."""
    return min(max(request.speed * claim.to_speak.rate, SLOWEST), FASTEST)


def _name(claim: Claim, voice: str, speed: float) -> str:
    speaker = engine.current()
    return segment_cache.name_of(
        sound=speaker.sound,
        voices_digest=speaker.voices_digest,
        voice=voice,
        speed=speed,
        phonemes=claim.to_speak.phonemes,
    )


def _temperature(here: worker_process.Process) -> AudioOrigin:
    here.spoken += 1
    return "warm" if here.spoken > 1 else "cold"


def _spoken(claim: Claim, voice: str, speed: float, lane: Lane) -> tuple[CachedSegment, float]:
    """The audio, and the seconds of inference it took.

    Where processes may have died of it, a process of its own speaks it; the lane's slot is taken all the same.
    """
    model, stretch = pcm.split_speed(speed)
    utterance = Utterance(phonemes=claim.to_speak.phonemes, voice=voice, speed=model)
    if claim.isolated:
        limit_s = speaking_s(claim, worker_process.current().settings.deadline_s)
        speech = engine.current().speak_isolated(utterance, limit_s=limit_s)
    else:
        speech = engine.current().speak(utterance, lane)
    timings = tuple((symbol, start / stretch, end / stretch) for symbol, start, end in speech.timings)
    return CachedSegment(pcm=pcm.stretch(pcm.to_pcm(speech.audio), stretch), timings=timings), speech.seconds
