"""Seven, the farm: a desk worker and a voice worker at work. The toy voice's waveform encodes its tokens, so that tests
can decode what was spoken.
"""

from pathlib import Path

import numpy as np
from toy.decode import decode
from workshop import ROOT, Workshop, heard_tokens, planned_tokens

from chorus import Client, Kind

SENTENCE = "Nobody was lost, and the boat came home."


def test_a_listener_hears_exactly_the_tokens_that_were_planned(farm: Workshop) -> None:
    with Client(farm.url) as client:
        job = client.submit(SENTENCE).job
        pcm = b"".join(chunk.pcm for chunk in client.listen(job) if chunk.kind is Kind.AUDIO)
    assert decode(np.frombuffer(pcm, "<i2")) == planned_tokens(SENTENCE.encode(), "text.txt")


def test_a_finished_file_holds_exactly_the_planned_tokens(farm: Workshop, tmp_path: Path) -> None:
    source = ROOT / "docs" / "sample.md"
    with Client(farm.url) as client:
        record = client.submit(source, format="wav")
        client.wait(record.job, timeout_s=60)
        saved = client.save(record.job, tmp_path)
    assert saved.name == "sample.wav"
    assert heard_tokens(saved) == planned_tokens(source.read_bytes(), source.name)
