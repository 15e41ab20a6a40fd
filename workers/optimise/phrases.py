"""The phrases that every variant speaks in a trial, as phonemes and as inputs of a graph.

Knows nothing of what is measured with them.
"""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from workers.inference.kokoro_graph import KokoroGraph
from workers.inference.sessions import open_session
from workers.models import voicebank
from workers.models.variants import ORIGINAL
from workers.optimise import trial
from workers.optimise.stages import PreparationState

# A greeting and a sentence: long enough for every layer, short enough that a first start does not take minutes.
_PHONEMES = ("həlˈoʊ ðˈɛɹ.", "ðə bˈoʊt ɪz hˈɪɹ, ænd nˈoʊbɑdi ɔn ðə lˈɔŋ pˈɪɹ wˈʌndɚd.")


def phrases(voices: Path) -> tuple[trial.Phrase, ...]:
    """The phrases, spoken by the first and the last voice of the file."""
    names = sorted(voicebank.load(voices))
    return tuple(
        trial.Phrase(phonemes=phonemes, voice=name)
        for phonemes, name in zip(_PHONEMES, (names[0], names[-1]), strict=True)
    )


def graph_inputs(state: PreparationState, phrase: trial.Phrase) -> dict[str, NDArray[Any]]:
    """The inputs that make any graph of this model speak the phrase."""
    graph = KokoroGraph(open_session(state.graph(ORIGINAL), threads=1, form="optimised"))
    return trial.feed(graph, state.source.voices, phrase)
