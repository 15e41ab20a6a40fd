"""Raw inference: runs the farm's graph without the farm, as the upper limit of its speed. Knows nothing of jobs."""

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.sample_texts import VOICE
from chorus.vocabulary import VOCABULARY
from chorus.wire import RATE_HZ
from workers.inference.sessions import ort, session_options  # through workers, which switches telemetry off
from workers.models import voicebank
from workers.models.resolving import Model


class RawInference:
    """The farm's graph in an onnxruntime session, without anything else."""

    def __init__(self, model: Model, *, threads: int, spinning: bool = False) -> None:
        options = session_options(threads)
        if spinning:
            options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        if model.optimised:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session = ort.InferenceSession(str(model.graph), sess_options=options, providers=["CPUExecutionProvider"])
        inputs = {one.name: one.type for one in self._session.get_inputs()}
        self._tokens = "input_ids" if "input_ids" in inputs else "tokens"
        self._style = voicebank.style(voicebank.load(model.voices_path), VOICE)
        # The first run is slower because it allocates memory; the farm warms up as well.
        self.speak("həlˈO")

    def speak(self, phonemes: str, wishes: ort.RunOptions | None = None) -> float:
        """Speak these phonemes; the length of the audio in seconds."""
        audio = self._session.run(None, self.feed(phonemes), wishes)[0]
        return np.asarray(audio).size / RATE_HZ

    def feed(self, phonemes: str) -> dict[str, NDArray[Any]]:
        """The inputs of one run."""
        tokens = [0, *(VOCABULARY[symbol] for symbol in phonemes), 0]
        row = min(len(phonemes), len(self._style)) - 1
        return {
            self._tokens: np.array([tokens], np.int64),
            "style": np.asarray(self._style[row], np.float32).reshape(1, -1),
            "speed": np.array([1.0], np.float32),
        }

    def speak_all(
        self, texts: Sequence[str], *, slots: int, wishes: ort.RunOptions | None = None
    ) -> tuple[float, float]:
        """Speak all texts with `slots` threads, each taking the next text; seconds of audio and of wall time."""
        waiting, audio = iter(texts), [0.0] * slots
        lock = threading.Lock()

        def work(slot: int) -> None:
            while True:
                with lock:
                    phonemes = next(waiting, None)
                if phonemes is None:
                    return
                audio[slot] += self.speak(phonemes, wishes)

        began_s = time.perf_counter()
        threads = [threading.Thread(target=work, args=(slot,)) for slot in range(slots)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(audio), time.perf_counter() - began_s
