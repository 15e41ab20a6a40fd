"""The step `segment:n`: it speaks a segment's phonemes and publishes the audio. Knows no engine but the Protocol."""

from broker import worker_process
from broker.ledger import AudioOrigin, Claim, Outcome, SegmentResult
from broker.watchdog import speaking_s
from chorus.errors import FarmError
from chorus.request import FASTEST, SLOWEST, Request
from chorus.voices import canonical
from chorus.wire import RATE_HZ, SAMPLE_BYTES, cut
from tasks import engine
from tasks.audio import pcm
from tasks.engine import Lane, Utterance
from tasks.parts import segment_cache
from tasks.parts.segment_cache import CachedSegment


def speak(claim: Claim, lane: Lane) -> tuple[Outcome, str]:
    """Speak one segment, or take it from the segment cache, and commit it."""
    here = worker_process.current()
    request = Request.from_json(claim.request)
    speed = _speed(claim, request)
    spec = claim.to_speak
    voice = canonical(spec.voice or request.voice)
    samples = here.worker.samples if request.repeatable else ""
    cache = segment_cache.current()
    name = _name(claim, voice, speed, samples)
    primer = request.live and claim.number == 0
    found = cache.find(name, primer=primer) if cache and not claim.fresh else None
    spoken, spoken_s = (found[0], 0.0) if found else _spoken(claim, voice, speed, lane)
    if samples and engine.current().samples != samples:
        raise FarmError("Another graph of the model was opened meanwhile: wait, another worker speaks it again.")
    placed = _with_lead(spoken, spec.lead_ms / request.speed)
    sound = placed.pcm + pcm.silence(spec.pause_ms / request.speed)
    result = SegmentResult(
        frames=len(sound) // SAMPLE_BYTES,
        wall_ms=round(spoken_s * 1000),
        audible=pcm.silent_frames(spoken.pcm) * SAMPLE_BYTES < len(spoken.pcm),
        worker=here.worker.id,
        timings=placed.timings,
        source=found[1] if found else _origin(here),
    )
    outcome = here.ledger.commit_segment(claim, cut(claim.number, sound), result)
    if cache:
        # After the commit, so that no listener waits for the disk.
        cache.keep(name, spoken, found=found[1] if found else None, primer=primer)
    how = "from the cache" if found else f"in {spoken_s:.1f} s"
    return outcome, f"{result.frames / RATE_HZ:.1f} s of audio {how}"


def _with_lead(spoken: CachedSegment, lead_ms: float) -> CachedSegment:
    """The segment behind the silence that its place asks for. The cache keeps it without that silence."""
    if not lead_ms:
        return spoken
    timings = ((symbol, start + lead_ms / 1000, end + lead_ms / 1000) for symbol, start, end in spoken.timings)
    return CachedSegment(pcm=pcm.silence(lead_ms) + spoken.pcm, timings=tuple(timings))


def _speed(claim: Claim, request: Request) -> float:
    """The request's speed times the text's own rate, within the limits: the product may lie beyond them."""
    return min(max(request.speed * claim.to_speak.rate, SLOWEST), FASTEST)


def _name(claim: Claim, voice: str, speed: float, samples: str) -> str:
    installed = engine.current()
    return segment_cache.name_of(
        sound=installed.sound,
        voices_digest=installed.voices_digest,
        voice=voice,
        speed=speed,
        phonemes=claim.to_speak.phonemes,
        samples=samples,
    )


def _origin(here: worker_process.Process) -> AudioOrigin:
    here.spoken += 1
    return "warm" if here.spoken > 1 else "cold"


def _spoken(claim: Claim, voice: str, speed: float, lane: Lane) -> tuple[CachedSegment, float]:
    """The audio, and the seconds of inference it took.

    A segment that may have killed processes is spoken in a child process. It takes the lane's slot all the same.
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
