"""Pronounces English with misaki's dictionaries, a tagger before them and espeak for unknown words.

Knows no other language. Not safe for threads: the caller holds the lock of tasks.phonemes.phonemize.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

from tasks.phonemes import espeak, tagger_choice
from tasks.phonemes.marked_sentence import Given, MarkedSentence, Word, said_aloud
from tasks.phonemes.rule_tagger import Token

_POSSESSIVE = re.compile(r"['\u2019]s\b")


def words(utterance: MarkedSentence, *, british: bool) -> list[Word]:
    """The words of an English sentence with their phonemes."""
    g2p = _g2p(british=british)
    fallback = g2p.fallback = _Fallback(british=british, guessed=set())
    given = _possessives(g2p, utterance.text, utterance.given)
    # misaki must not preprocess the text itself: it would take [text](/this/) for its own markup.
    _phonemes, tokens = g2p(utterance.text, lambda text: (text, given, {}))
    starts = {each.start: each for each in given}
    return [
        _word(token, start, end, starts.get(start), fallback) for token, start, end in _placed(utterance.text, tokens)
    ]


@dataclass(kw_only=True)
class _Fallback:
    """Called by misaki for words that are not in its dictionaries."""

    british: bool
    guessed: set[str]

    def __call__(self, token: Any) -> tuple[str | None, int]:
        self.guessed.add(token.text)
        return espeak.word(token.text, british=self.british), 2


def _word(token: Any, start: int, end: int, given: Given | None, fallback: _Fallback) -> Word:
    guessed = False
    if given is not None and given.end == end:
        phonemes, backend = given.phonemes, given.backend
    else:
        phonemes = token.phonemes or ""
        if not phonemes and any(char.isalnum() for char in token.text):
            phonemes = fallback(token)[0] or ""
        guessed = token.text in fallback.guessed
        backend = "espeak" if guessed else "misaki"
    return Word(
        text=token.text,
        start=start,
        end=end,
        phonemes=phonemes,
        backend=backend,
        blank=token.whitespace,
        guessed=guessed,
        # misaki pronounces a currency sign with its amount.
        lost="" if phonemes or token.tag == "$" or not said_aloud(token.text) else token.text,
    )


def _placed(text: str, tokens: Sequence[Any]) -> Iterator[tuple[Any, int, int]]:
    """Each of misaki's tokens with its offsets. A few characters are in no token, a last full stop may be in two."""
    at = 0
    for token in tokens:
        start, here = -1, at
        for char in token.text:
            found = text.find(char, here)
            if found < 0:
                continue
            start, here = found if start < 0 else start, found + 1
        yield token, start if start >= 0 else at, here
        at = here


def _tokens(text: str, given: Sequence[Given], _features: object) -> list[Any]:
    """The tagged tokens in misaki's type. A given stretch is one token that has its phonemes already."""
    from misaki.token import MToken  # noqa: PLC0415 - see below

    return [
        MToken(
            text=token.text,
            tag=token.tag_,
            whitespace=token.whitespace_,
            phonemes=phonemes,
            _=MToken.Underscore(is_head=True, num_flags="", prespace=False),
        )
        for token, phonemes in _with_given(tagger_choice.tag(text), given)
    ]


def _with_given(tokens: Sequence[Token], given: Sequence[Given]) -> Iterator[tuple[Token, str | None]]:
    """The tokens, split where a given stretch begins or ends. All tokens inside one become a single token."""
    if not given:
        yield from ((token, token.sound or None) for token in tokens)
        return
    rest, held, at = list(given), Token(text=""), 0
    for token in _cut(tokens, sorted({edge for each in given for edge in (each.start, each.end)})):
        while rest and rest[0].start == rest[0].end <= at:
            yield Token(text="", tag_="NN", whitespace_=" "), rest.pop(0).phonemes
        end = at + len(token.text)
        if rest and rest[0].start <= at and end <= rest[0].end:
            held = Token(text=held.text + held.whitespace_ + token.text, tag_=token.tag_, whitespace_=token.whitespace_)
            if end == rest[0].end:
                yield held, rest.pop(0).phonemes
                held = Token(text="")
        else:
            yield token, token.sound or None
        at = end + len(token.whitespace_)
    yield from ((Token(text="", tag_="NN"), each.phonemes) for each in rest)


def _cut(tokens: Sequence[Token], edges: Sequence[int]) -> Iterator[Token]:
    at = 0
    for token in tokens:
        after = at + len(token.text)
        cuts = [at, *(edge for edge in edges if at < edge < after), after]
        for start, end in pairwise(cuts):
            blank = token.whitespace_ if end == after else ""
            whole = (start, end) == (at, after)
            yield replace(
                token, text=token.text[start - at : end - at], whitespace_=blank, sound=token.sound if whole else ""
            )
        at = after + len(token.whitespace_)


def _possessives(g2p: Any, text: str, given: Sequence[Given]) -> tuple[Given, ...]:
    """The given stretches with a following 's, whose sound depends on the phonemes before it."""
    return tuple(
        replace(each, end=each.end + len(match[0]), phonemes=g2p.lexicon._s(each.phonemes))  # noqa: SLF001 - misaki's own
        if (match := _POSSESSIVE.match(text, each.end))
        else each
        for each in given
    )


@cache
def _g2p(*, british: bool) -> Any:
    """The G2P of misaki without its constructor, which would call pip to fetch a missing tagger."""
    from misaki import en  # noqa: PLC0415 - it imports spaCy: a second and a half

    g2p = en.G2P.__new__(en.G2P)
    g2p.version, g2p.british, g2p.unk = None, british, ""
    g2p.tokenize, g2p.lexicon = _tokens, en.Lexicon(british)
    return g2p
