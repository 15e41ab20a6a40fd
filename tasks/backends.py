"""Which backend speaks which language here, and which release of it. Knows neither marks nor lexicons.

Not for two threads at once: its caller holds the lock of tasks.phonemes.
"""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from chorus.errors import OptionError
from chorus.languages import LANGUAGES
from tasks import asian, english, espeak, tagging
from tasks.documents.model import speakable
from tasks.utterance import Utterance, Word


def check(language: str) -> None:
    """Refuse a language for which this installation has no phonemizer."""
    if language not in LANGUAGES:
        raise OptionError(f"Language {language!r} is unknown: choose one of {_choice()}.")
    missing = _missing(language)
    if missing:
        raise OptionError(
            f"{LANGUAGES[language]} ({language}) needs {', '.join(missing)}: run `{asian.remedy(language)}`, "
            f"or choose one of {_choice()}."
        )


def _choice() -> str:
    return ", ".join(code for code in sorted(LANGUAGES) if not _missing(code))


@cache
def _missing(language: str) -> tuple[str, ...]:
    return tuple(package for package in asian.NEEDS.get(language, ()) if not _is_here(package))


def _is_here(package: str) -> bool:
    return any(find_spec(name) for name in (package, asian.INSTEAD.get(package, package)))


def name(language: str) -> str:
    """The backend that speaks it first: `misaki` or `espeak`."""
    return "misaki" if language.startswith("en-") or language in asian.NEEDS else "espeak"


@cache
def release(language: str) -> str:
    """Everything whose change may change this language's phonemes, for people and for the keys of caches."""
    needs = asian.NEEDS.get(language, ())
    packages = ["misaki", "espeakng-loader", *needs, *(asian.INSTEAD[each] for each in needs if each in asian.INSTEAD)]
    told = [f"{package} {_version(package)}" for package in packages]
    return ", ".join([*told, f"tagger {tagging.name()}"] if language.startswith("en-") else told)


def words(read: Utterance, language: str) -> list[Word]:
    """What the backend of this language makes of an utterance; nothing where there is nothing to say."""
    if not read.given and not speakable(read.text):
        return []
    if language.startswith("en-"):
        return english.words(read, british=language == "en-gb")
    return asian.words(read, language) if language in asian.NEEDS else espeak.words(read, language)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"
