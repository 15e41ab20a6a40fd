"""`chorus phonemize` shows how a text is read, its phonemes, and which backend gave them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from workers.commands import main


def typed(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_word_is_shown_with_its_place_its_sounds_and_its_backend(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("phonemize", "Zyzzyva saw a cat. It ran.", "--json") == 0
    first, second = lines(capsys)
    assert (first["text"], first["phonemes"], first["tokens"]) == ("Zyzzyva saw a cat.", "zˈɪzɪvə sˈɔ ɐ kˈæt.", 19)
    assert first["unknown"] == ["Zyzzyva"]
    assert [(word["written"], word["backend"], word["start"]) for word in first["words"]] == [
        ("Zyzzyva", "espeak", 0), ("saw", "misaki", 8), ("a", "misaki", 12), ("cat", "misaki", 14), (".", "misaki", 17),
    ]  # fmt: skip
    assert second["text"] == "It ran."


def test_the_output_is_a_table_that_names_the_voice(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("phonemize", "Hola [amigo].", "--lang", "es_MX") == 0
    told = capsys.readouterr().out
    assert "phonemes  ˈola (amˈiɣo)." in told
    assert "es: misaki" in told
    assert "[amigo]" in told


def test_the_language_is_that_of_the_voice_unless_it_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("phonemize", "car", "--voice", "bm_george", "--json") == 0
    assert lines(capsys)[0]["phonemes"] == "kˈɑː"


def test_a_lexicon_and_marks_in_the_text_are_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "words.toml").write_text('hermione = "/həˈmaɪəni/"')
    text = "Hermione has [tomato](/təˈmɑːtəʊ/)s."
    assert typed("phonemize", text, "--lexicon", str(tmp_path / "words.toml"), "--lang", "en-gb", "--json") == 0
    (line,) = lines(capsys)
    assert line["phonemes"].startswith("həmˈIəni haz təmˈɑːtQ")
    assert {word["backend"] for word in line["words"]} >= {"lexicon", "given", "misaki"}


def test_a_text_can_be_read_from_standard_input(capsys: pytest.CaptureFixture[str]) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "wb") as pipe:
        pipe.write(b"Ciao.")
    before = os.dup(0)
    os.dup2(read, 0)
    try:
        assert typed("phonemize", "-", "--lang", "it", "--json") == 0
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(read)
    assert lines(capsys)[0]["phonemes"] == "ʧˈao."


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["x", "--lang", "de"], "Language 'de' is unknown: choose one of en-gb, en-us"),
        (["x", "--lang", "ja"], "pip install "),
        (["x", "--voice", "q"], "name the language as well"),
        (["x", "--lexicon", "absent.toml"], "Lexicon absent.toml does not exist: check the name."),
        (["x", "--as-written", "everything"], "--as-written names 'everything'"),
        ([" "], "The text is empty"),
    ],
)
def test_every_error_is_one_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("phonemize", *words) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1
