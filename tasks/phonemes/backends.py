"""Chooses the phonemizer of each language, and names its releases. Knows neither marks nor lexicons.

Not safe for threads: the caller holds the lock of tasks.phonemes.phonemize.
"""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from chorus.errors import OptionError
from chorus.languages import LANGUAGES
from tasks.documents.model import speakable
from tasks.phonemes import espeak, misaki_asian, misaki_english, tagger_choice
from tasks.phonemes.marked_sentence import MarkedSentence, Word


def check(language: str) -> None:
    """OptionError if this installation has no phonemizer for the language."""
    if language not in LANGUAGES:
        raise OptionError(f"Language {language!r} is unknown: choose one of {_choice()}.")
    missing = _missing(language)
    if missing:
        raise OptionError(
            f"{LANGUAGES[language]} ({language}) needs {', '.join(missing)}: run `{misaki_asian.remedy(language)}`, "
            f"or choose one of {_choice()}."
        )


def _choice() -> str:
    return ", ".join(code for code in sorted(LANGUAGES) if not _missing(code))


@cache
def _missing(language: str) -> tuple[str, ...]:
    return tuple(package for package in misaki_asian.NEEDS.get(language, ()) if not _is_here(package))


def _is_here(package: str) -> bool:
    return any(find_spec(name) for name in (package, misaki_asian.INSTEAD.get(package, package)))


def name(language: str) -> str:
    """The main backend of the language: `misaki` or `espeak`."""
    return "misaki" if language.startswith("en-") or language in misaki_asian.NEEDS else "espeak"


@cache
def release(language: str) -> str:
    """The versions of everything that determines a language's phonemes, for people and for the keys of caches."""
    needs = misaki_asian.NEEDS.get(language, ())
    packages = [
        "misaki",
        "espeakng-loader",
        *needs,
        *(misaki_asian.INSTEAD[each] for each in needs if each in misaki_asian.INSTEAD),
    ]
    versions = [f"{package} {_version(package)}" for package in packages]
    return ", ".join([*versions, f"tagger {tagger_choice.name()}"] if language.startswith("en-") else versions)


def words(read: MarkedSentence, language: str) -> list[Word]:
    """The words of a sentence with their phonemes; none if it has nothing to speak."""
    if not read.given and not speakable(read.text):
        return []
    if language.startswith("en-"):
        return misaki_english.words(read, british=language == "en-gb")
    return misaki_asian.words(read, language) if language in misaki_asian.NEEDS else espeak.words(read, language)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"
