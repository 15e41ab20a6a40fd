"""The languages Kokoro speaks, under one code each. Pure: knows nothing of documents, voices files or phonemes."""

from chorus import voices
from chorus.checks import shown
from chorus.errors import OptionError

LANGUAGES = {
    "en-us": "American English",
    "en-gb": "British English",
    "es": "Spanish",
    "fr-fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "pt-br": "Brazilian Portuguese",
    "zh": "Mandarin Chinese",
}
"""Code to name. The codes are espeak's, for ja and zh misaki's."""

# A tag is looked up whole, then with its last subtag cut off, until something is found: es-MX, es-419 and es-ES are es.
_CODES = {
    **{code: code for code in LANGUAGES},
    **dict.fromkeys(("en", "eng", "english"), "en-us"),
    # The kinds of English whose spelling and vowels are nearer to the British dictionary than to the American one.
    **dict.fromkeys(("en-uk", "en-au", "en-ie", "en-in", "en-nz", "en-za", "british"), "en-gb"),
    **dict.fromkeys(("spa", "spanish"), "es"),
    **dict.fromkeys(("fr", "fra", "fre", "french"), "fr-fr"),
    **dict.fromkeys(("hin", "hindi"), "hi"),
    **dict.fromkeys(("ita", "italian"), "it"),
    **dict.fromkeys(("jpn", "jp", "japanese"), "ja"),
    **dict.fromkeys(("pt", "por", "portuguese"), "pt-br"),
    **dict.fromkeys(("zho", "chi", "cmn", "yue", "cn", "chinese", "mandarin"), "zh"),
}
_OF_VOICE = {
    "a": "en-us",
    "b": "en-gb",
    "e": "es",
    "f": "fr-fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-br",
    "z": "zh",
}

_LONGEST_TAG = 60
"""What is behind these characters of a tag changes no language."""


def normalise(tag: str) -> str:
    """The one code for a language tag however written: `en`, `en_US` and `EN-us` are all `en-us`."""
    rest = tag.strip()[:_LONGEST_TAG].replace("_", "-").lower()
    while rest:
        if rest in _CODES:
            return _CODES[rest]
        rest = rest.rpartition("-")[0]
    raise OptionError(f"Language {shown(tag)!r} is unknown: choose one of {', '.join(sorted(LANGUAGES))}.")


def letters_of(code: str) -> str:
    """What the names of this language's voices begin with; empty for no language."""
    return "".join(letter for letter, spoken in _OF_VOICE.items() if spoken == code)


def for_voice(name: str) -> str:
    """The language a voice was recorded in, by its first letter: `af_heart` is American, `ff_siwis` French.

    A blend speaks the language of its heaviest voice.
    """
    code = _OF_VOICE.get(voices.blend(name)[0].name[:1].lower())
    if code is None:
        raise OptionError(f"Voice {name!r} does not show its language in its first letter: name the language as well.")
    return code
