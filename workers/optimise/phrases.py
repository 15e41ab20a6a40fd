"""What every variant says while it is tried, as phonemes and as the graph's inputs.

Knows nothing of what it is said for.
"""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from workers.inference.kokoro_graph import KokoroGraph
from workers.inference.sessions import open_session
from workers.models import voicebank
from workers.models.variants import ORIGINAL
from workers.optimise import trial
from workers.optimise.stages import Work

# A word, a sentence: long enough for every layer, short enough that a first start does not wait for minutes.
_SAID = ("həlˈoʊ ðˈɛɹ.", "ðə bˈoʊt ɪz hˈɪɹ, ænd nˈoʊbɑdi ɔn ðə lˈɔŋ pˈɪɹ wˈʌndɚd.")


def phrases(voices: Path) -> tuple[trial.Phrase, ...]:
    """By the first and the last voice of the file."""
    names = sorted(voicebank.load(voices))
    return tuple(
        trial.Phrase(phonemes=said, voice=name) for said, name in zip(_SAID, (names[0], names[-1]), strict=True)
    )


def spoken(work: Work, phrase: trial.Phrase) -> dict[str, NDArray[Any]]:
    """As the inputs of any graph of this model."""
    graph = KokoroGraph(open_session(work.graph(ORIGINAL), threads=1, form="optimised"))
    return trial.feed(graph, work.source.voices, phrase)
