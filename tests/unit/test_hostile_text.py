"""Hostile text, Markdown and SSML give readable text or one sentence, within 10 s and 300 MB, and write nothing."""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chorus.bundle import pack

HERE = Path(__file__).parent
PEAK_MB = 300
MB = 1 << 20
LAUGHS = '<!DOCTYPE speak [<!ENTITY l0 "ha">' + "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12)
) + "]>"  # fmt: skip

TEXTS: dict[str, Callable[[], bytes]] = {
    "a megabyte without a space": lambda: b"a" * MB,
    "a megabyte of accents": lambda: "a{}".format("\u0301" * (MB // 2)).encode(),
    "as much as may be": lambda: b"It was a dark and stormy night, and nobody was about to see it happen. \n" * 110_000,
    "more than may be": lambda: b"word " * (2 * MB),
    "one line after the other": lambda: b"a\n" * 190_000,
    "lines beyond number": lambda: b"a\n" * (3 * MB),
    "5,000 tiny chapters": lambda: b"".join(b"Chapter %d\n\nText.\n\n" % n for n in range(5_000)),
    "10,000 pauses": lambda: b"a [pause:1s] " * 10_000,
    "a million pauses": lambda: b"[pause:1s]" * 800_000,
    "10,000 voices": lambda: b"a [voice:a_b] " * 10_000,
    "open brackets": lambda: b"[" * MB + b" end",
    "a cast of one": lambda: b"voices:\n A: a_b\n\n" + b"A: x\n" * 20_000,
    "nothing but licences": lambda: b"*** START OF THE PROJECT GUTENBERG EBOOK X ***\na\n" * 10_000,
    "UTF-16 of half a letter": lambda: "word ".encode("utf-16-le") * 1000 + b"a",
    "bytes of no encoding": lambda: bytes(range(128, 256)) * 1000,
    "Shift JIS without its end": lambda: "従来の方法では、".encode("shift_jis")[:-1] * 5,
    "nulls": lambda: b"\0" * MB,
}
MARKDOWNS: dict[str, Callable[[], bytes]] = {
    "a megabyte without a space": lambda: b"a" * MB,
    "quotes 10,000 deep": lambda: b">" * 10_000 + b" deep",
    "lists 10,000 deep": lambda: b"- " * 10_000 + b"deep",
    "lists in lists": lambda: "".join(f"{'  ' * level}- x\n" for level in range(1500)).encode(),
    "quotes and lists 5,000 deep": lambda: b"> 1. " * 5_000 + b"deep",
    "elements 10,000 deep": lambda: b"<div>" * 10_000 + b"deep",
    "languages 10,000 deep": lambda: b"a <i lang='fr'>" * 10_000 + b"deep",
    "5,000 tiny chapters": lambda: b"# Chapter\n\nText.\n\n" * 5_000,
    "headings": lambda: b"# a\n" * 20_000,
    "list items": lambda: b"1. a\n" * 90_000,
    "table rows": lambda: b"|a|b|\n|-|-|\n" + b"|c|d|\n" * 8_000,
    "brackets": lambda: b"![" * 6_000 + b" end",
    "a million brackets": lambda: b"![" * MB,
    "stars": lambda: b"**a " * 20_000,
    "notes": lambda: b"".join(b"x[^%d]\n\n[^%d]: y\n\n" % (n, n) for n in range(4_000)),
    "ticks": lambda: b"".join(b"`" * n + b" " for n in range(500)),
    "a head without an end": lambda: b"---\n" + b"title: x\n" * 20_000,
}
SSMLS: dict[str, Callable[[], bytes]] = {
    "elements 100,000 deep": lambda: b"<speak>" + b"<p>" * 100_000 + b"deep" + b"</p>" * 100_000 + b"</speak>",
    "a billion laughs": f"{LAUGHS}<speak>&l11;</speak>".encode,
    "a billion laughs in UTF-16": lambda: f"{LAUGHS}<speak>&l11;</speak>".encode("utf-16"),
    "a file of the system": lambda: b'<!DOCTYPE speak [<!ENTITY a SYSTEM "file:///etc/passwd">]><speak>&a;</speak>',
    "a megabyte without a space": lambda: b"<speak>" + b"a" * MB + b"</speak>",
    "sentences": lambda: b"<speak>" + b"<s>a</s>" * 15_000 + b"</speak>",
    "rates in rates": lambda: b"<speak>%s%s%s</speak>" % (
        b"<prosody rate='2'>" * 35, b"a<break/>" * 15_000, b"</prosody>" * 35,
    ),
    "90,000 kinds of elements": lambda: b"<speak>%sx</speak>" % b"".join(b"<a%d/>" % n for n in range(90_000)),
    "300,000 attributes": lambda: b"<speak %s>x</speak>" % b" ".join(b"a%d='x'" % n for n in range(300_000)),
    "half of it": lambda: b"<speak><p>One.</p><p>Two",
    "a wrong encoding": lambda: "<?xml version='1.0' encoding='utf-8'?><speak>Größe</speak>".encode("cp1252"),
}  # fmt: skip
BUNDLES: dict[str, Callable[[], bytes]] = {
    "500 documents": lambda: pack((f"{n}.md", b"# One\n\nText.") for n in range(500)),
    "bundles in bundles": lambda: pack([("a", pack([("b", b"c")]))]),
    "half of it": lambda: pack([("a.md", b"x" * MB)])[: MB // 2],
}
KINDS = {"text": ("txt", TEXTS), "Markdown": ("md", MARKDOWNS), "SSML": ("ssml", SSMLS), "bundle": ("", BUNDLES)}
Told = dict[str, Any]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Told]:
    """What came of a file. One process reads all of a kind, in a child each, for starting it costs the most."""

    @functools.cache
    def of_kind(kind: str) -> dict[str, Told]:
        ending, files = KINDS[kind]
        shelf = tmp_path_factory.mktemp("hostile")
        paths = [shelf / f"{at}.{ending}" for at in range(len(files))]
        for path, made in zip(paths, files.values(), strict=True):
            path.write_bytes(made())
        command = [sys.executable, HERE / "child_process.py"]
        here = {"PYTHONPATH": f"{HERE.parents[1]}", "PATH": os.environ["PATH"]}
        listed = "".join(f"{path}\n" for path in paths)
        run = subprocess.run(command, input=listed, check=False, capture_output=True, text=True, env=here, cwd=shelf)
        assert run.stderr == ""
        assert sorted(shelf.iterdir()) == sorted(paths), "a file was written"
        return dict(zip(files, map(json.loads, run.stdout.splitlines()), strict=True))

    return lambda kind, name: of_kind(kind)[name]


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, (_, files) in KINDS.items() for name in files])
def test_a_hostile_text_is_read_or_refused_in_one_sentence_in_little_memory_and_time(
    told: Callable[[str, str], Told], kind: str, name: str
) -> None:
    outcome = told(kind, name)
    said = outcome["said"]
    assert outcome["status"] == 0, "it ran out of time or memory, or wrote a file"
    assert said.startswith(("read: ", "refused: "))
    assert "\n" not in said or said.startswith("read: ")
    assert "root:" not in said
    assert outcome["peak_mb"] < PEAK_MB


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("text", "a megabyte without a space", "read: 1 chapters, 1048576 characters"),
        ("text", "5,000 tiny chapters", "read: 5000 chapters"),
        ("text", "a million pauses", "too many lines or marks"),
        ("text", "UTF-16 of half a letter", "read: 1 chapters"),
        ("text", "nulls", "is no text file"),
        ("Markdown", "quotes 10,000 deep", "4 characters, deep"),
        ("Markdown", "lists 10,000 deep", "4 characters, deep"),
        ("Markdown", "elements 10,000 deep", "4 characters, deep"),
        ("Markdown", "5,000 tiny chapters", "read: 5000 chapters"),
        ("Markdown", "a million brackets", "too many lines and signs"),
        ("SSML", "elements 100,000 deep", "more than 100000 tags"),
        ("SSML", "a billion laughs", "declares entities of its own"),
        ("SSML", "a billion laughs in UTF-16", "declares entities of its own"),
        ("SSML", "half of it", "is not well-formed SSML: line 1"),
        ("bundle", "500 documents", "read: 500 chapters"),
        ("bundle", "half of it", "is damaged"),
    ],
)
def test_the_readable_rest_of_a_hostile_text_is_read(
    told: Callable[[str, str], Told], kind: str, name: str, said: str
) -> None:
    assert said in told(kind, name)["said"]
