"""Lexicons: what a file may contain, and one clear sentence for each error."""

import json
from pathlib import Path

import pytest

from chorus.errors import OptionError
from chorus.lexicon import LONGEST_FILE_BYTES, entries, read
from chorus.request import Request

PLS = """<?xml version="1.0" encoding="UTF-8"?>
<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon" alphabet="ipa" xml:lang="en-US">
  <lexeme><grapheme>Hermione</grapheme><phoneme>həˈmaɪəni</phoneme></lexeme>
  <lexeme><grapheme>SQL</grapheme><grapheme>sql</grapheme><alias>sequel</alias></lexeme>
  <lexeme><grapheme>either</grapheme><phoneme>ˈiːðɚ</phoneme><phoneme prefer="true">ˈaɪðɚ</phoneme></lexeme>
</lexicon>"""


def file(tmp_path: Path, name: str, text: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_same_words_give_the_same_lexicon_whatever_the_file_format(tmp_path: Path) -> None:
    toml = read(file(tmp_path, "a.toml", 'sql = "sequel"\n"New York" = "/nu jˈɔɹk/"\n[fr]\nParis = "/paʁˈi/"'))
    tree = {"fr": {"Paris": "/paʁˈi/"}, "New  York": " /nu jˈɔɹk/", "sql": "sequel"}
    assert read(file(tmp_path, "b.json", json.dumps(tree))) == toml
    assert [(entry.word, entry.said, entry.language) for entry in entries(toml)] == [
        ("New York", "/nu jˈɔɹk/", ""), ("sql", "sequel", ""), ("Paris", "/paʁˈi/", "fr-fr"),
    ]  # fmt: skip


def test_a_lexicon_survives_writing_and_reading(tmp_path: Path) -> None:
    written = read(file(tmp_path, "a.toml", 'fr = "eff are"\n[fr-fr]\nParis = "/paʁˈi/"\n[en]\nfr = "franc"'))
    again = file(tmp_path, "again.json", written)
    assert read(again) == written


def test_a_w3c_lexicon_is_read_with_its_language_its_preference_and_its_aliases(tmp_path: Path) -> None:
    found = {entry.word: entry for entry in entries(read(file(tmp_path, "a.pls", PLS)))}
    assert {word: entry.said for word, entry in found.items()} == {
        "Hermione": "/həˈmaɪəni/", "SQL": "sequel", "sql": "sequel", "either": "/ˈaɪðɚ/",
    }  # fmt: skip
    assert {entry.language for entry in found.values()} == {"en"}


LEXEME = "<lexicon xmlns='http://www.w3.org/2005/01/pronunciation-lexicon' alphabet='{}'><lexeme>{}</lexeme></lexicon>"
BOMB = '<!DOCTYPE lexicon [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><lexicon><lexeme>&b;</lexeme></lexicon>'


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.txt", "x", r"a\.txt has a format that cannot be read: name a file that ends in \.toml, \.json or \.pls"),
        ("a.toml", "x = ", r"a\.toml is not understood: Invalid value"),
        ("a.toml", "", r"a\.toml holds no word"),
        ("a.toml", "x = 5", r"'x' is int, not text"),
        ("a.toml", "x = ''", r"'x' has no sound"),
        ("a.toml", "x = '//'", r"'x' has no sound"),
        ("a.toml", "x = '/ˈ/'", r"'x' has no sound"),
        ("a.toml", "x = '/a'", r"'x' is said '/a': write IPA between two slashes, or other words"),
        ("a.toml", "x = '/aЖ/'", r"a\.toml: 'x' has 'Ж', which Kokoro cannot say: the nearest is '\w'"),
        ("a.toml", "x = '/a5/'", r"'x' has '5', which Kokoro cannot say: leave it out"),
        ("a.toml", "'*' = 'star'", r"'\*' is not a word"),
        ("a.toml", f"{'x' * 101} = 'y'", r"is not a word: write 1 to 100 characters"),
        ("a.toml", f"x = '{'y ' * 250}'", r"400 characters at most"),
        ("a.toml", "x = 'y'\nX.y = 'z'", r"'X' is a table but no language .a word with a dot needs quotes"),
        ("a.toml", "'it''s' = 1", r"is not understood"),
        ("a.toml", "'x y' = 'a'\n'x  y' = 'b'", r"'x y' is listed twice, as 'a' and as 'b'"),
        ("a.json", "[]", r"it is not a table of words"),
        ("a.json", '{"x": "a", "x": "b"}', r"'x' is listed twice"),
        ("a.json", '{"x": ', r"a\.json is not understood: Expecting value"),
        ("a.json", "[" * 100_000, r"a\.json is not understood"),
        ("a.json", b'{"x": "\xff"}', r"a\.json is not UTF-8 at byte 7"),
        ("a.pls", "<html/>", r"its root is <html>, not <lexicon>"),
        ("a.pls", BOMB, r"it has a DTD, which is never read"),
        ("a.pls", "<lexicon>", r"a\.pls is not understood: no element found in line 1"),
        ("a.pls", LEXEME.format("ipa", "<phoneme>a</phoneme>"), r"a lexeme has no grapheme"),
        ("a.pls", LEXEME.format("ipa", "<grapheme>x</grapheme>"), r"'x' has neither phoneme nor alias"),
        ("a.pls", LEXEME.format("x-sampa", "<grapheme>x</grapheme><phoneme>V</phoneme>"), r"'x' is written in 'x-sam"),
        ("a.toml", "x = 'y'\n" + "#" * LONGEST_FILE_BYTES, r"a\.toml has 512\.1 KB, and 512 KB are the most"),
    ],
)  # fmt: skip
def test_an_error_in_a_lexicon_is_reported_in_one_sentence_with_its_place(
    tmp_path: Path, name: str, text: str | bytes, sentence: str
) -> None:
    with pytest.raises(OptionError, match=sentence) as caught:
        read(file(tmp_path, name, text))
    assert "\n" not in str(caught.value)


def test_a_missing_lexicon_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"absent\.toml does not exist: check the name"):
        read(tmp_path / "absent.toml")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(OptionError, match=r"folder\.json is a folder: name a file in it"):
        read(tmp_path / "folder.json")


@pytest.mark.parametrize("written", ["{", "[]", '{"": {"x": "/Ж/"}}', '{"": {}}', '{"xx": {"a": "b"}}'])
def test_a_request_with_a_malformed_lexicon_is_refused(written: str) -> None:
    with pytest.raises(OptionError, match="lexicon"):
        Request(name="a.txt", lexicon=written)


def test_another_lexicon_makes_another_job(tmp_path: Path) -> None:
    one, other = (read(file(tmp_path, "a.toml", f"x = '{said}'")) for said in ("why", "ex"))
    assert Request(name="a.txt", lexicon=one).digest() != Request(name="a.txt", lexicon=other).digest()
