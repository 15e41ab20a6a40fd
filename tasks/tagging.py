"""Which tagger tells misaki nouns from verbs. Knows no phonemes."""

from tasks import homographs, tagger
from tasks.tagger import Token


def tag(text: str) -> list[Token]:
    """The tokens of one sentence with their Penn tags; joined with their whitespace they are the sentence."""
    tokens = tagger.tag(text)
    words = [tagger.plain(token.text) for token in tokens]
    tags = [token.tag_ for token in tokens]
    for at, token in enumerate(tokens):
        token.sound = homographs.sound_for(words, tags, at)
    return tokens


def name() -> str:
    """Which tagger speaks in this process, with its version."""
    return f"rules {tagger.VERSION}"
