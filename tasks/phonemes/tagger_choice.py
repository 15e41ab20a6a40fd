"""Chooses the tagger that distinguishes nouns from verbs for misaki: spaCy's model if it is there, else our rules.

Knows no phonemes. Fetches nothing: `chorus models pull` does that, and misaki's own download is never used.
"""

import logging
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from broker.settings import settings
from tasks.phonemes import homographs, rule_tagger
from tasks.phonemes.rule_tagger import Token

MODEL = "en_core_web_sm"
_RULES = f"rules {rule_tagger.VERSION}"
_UNUSED = ("parser", "ner", "attribute_ruler", "lemmatizer", "senter")

log = logging.getLogger(__name__)


def tag(text: str) -> list[Token]:
    """The tokens of one sentence with their Penn tags. Joined with their whitespace they are the sentence."""
    model = _model()
    tokens = rule_tagger.tag(text) if model is None else _by_model(model, text)
    words = [rule_tagger.plain(token.text) for token in tokens]
    tags = [token.tag_ for token in tokens]
    for at, token in enumerate(tokens):
        token.sound = homographs.sound_for(words, tags, at)
    return tokens


def name() -> str:
    """The tagger of this process, with its version."""
    model = _model()
    return _RULES if model is None else f"{MODEL} {model.meta['version']} + {_RULES}"


def expected() -> str:
    """The same without loading anything. Before the first English sentence it names the tagger that will be loaded."""
    if _model.cache_info().currsize:
        return name()
    return _RULES if _source() is None else f"{MODEL} {_release()} + {_RULES}"


def _by_model(model: Any, text: str) -> list[Token]:
    tokens = [Token(text=token.text, tag_=token.tag_, whitespace_=token.whitespace_) for token in model(text)]
    words = [rule_tagger.plain(token.text) for token in tokens]
    for at, token in enumerate(tokens):
        token.tag_ = homographs.corrected_tag(words, [each.tag_ for each in tokens], at)
    return tokens


@cache
def _model() -> Any:
    """The tagger of spaCy, loaded once in a process; None if it is not there or the settings choose the rules."""
    source = _source()
    return None if source is None else _loaded(source)


def _source() -> str | Path | None:
    """Where spaCy finds the model: an installed package, or the folder that was pulled."""
    if settings().tagger == "rules":
        return None
    folder = settings().tagger_folder()
    return MODEL if find_spec(MODEL) is not None else folder if (folder / "config.cfg").is_file() else None


def _release() -> str:
    try:
        return version(MODEL)
    except PackageNotFoundError:
        return settings().tagger_folder().name.rpartition("-")[2]


def _loaded(source: str | Path) -> Any:
    import spacy  # noqa: PLC0415 - a second and a half

    try:
        return spacy.load(source, exclude=_UNUSED)
    except (OSError, ValueError, KeyError, ImportError) as error:
        log.warning(
            "%s cannot be loaded (%s): rules tag English. Delete it and run `chorus models pull`.", source, error
        )
        return None
