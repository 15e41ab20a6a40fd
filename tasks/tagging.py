"""Which tagger tells misaki nouns from verbs. Knows no phonemes."""

from tasks import tagger
from tasks.tagger import Token


def tag(text: str) -> list[Token]:
    """The tokens of one sentence with their Penn tags; joined with their whitespace they are the sentence."""
    return tagger.tag(text)


def name() -> str:
    """Which tagger speaks in this process, with its version."""
    return f"rules {tagger.VERSION}"
