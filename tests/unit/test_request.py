"""A request is checked when it is made, has one canonical form, and its digest identifies a job."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chorus.request as request_module
from chorus.errors import OptionError
from chorus.request import FORMATS, Request

requests = st.builds(
    Request,
    name=st.text(max_size=20),
    voice=st.sampled_from(["af_heart", "bm_george"]),
    speed=st.floats(0.25, 4.0),
    language=st.sampled_from(["", "en-us", "fr-fr"]),
    chapters=st.sampled_from(["", "1-3,5"]),
    title=st.text(max_size=20),
    author=st.text(max_size=20),
    format=st.sampled_from(["", *FORMATS]),
    live=st.booleans(),
    on_error=st.sampled_from(["silence", "stop"]),
)


@given(requests)
def test_a_request_survives_writing_and_reading(request: Request) -> None:
    assert Request.from_json(request.to_json()) == request
    assert Request.from_json(request.to_json().encode()) == request


@given(requests, requests)
def test_only_equal_requests_have_equal_digests(one: Request, other: Request) -> None:
    assert (one.digest(b"x") == other.digest(b"x")) == (one == other)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "b.md"}, {"voice": "af_sky"}, {"speed": 1.25}, {"language": "en-gb"}, {"chapters": "2"},
        {"title": "T"}, {"author": "A"}, {"format": "mp3"}, {"live": True}, {"on_error": "stop"},
        {"repeatable": True},
    ],
)  # fmt: skip
def test_every_wish_makes_another_job(change: dict[str, object]) -> None:
    request = Request(name="a.md")
    assert dataclasses.replace(request, **change).digest() != request.digest()  # type: ignore[arg-type]


def test_the_parts_of_a_digest_are_separated() -> None:
    request = Request(name="a.md")
    digests = {
        request.digest(), request.digest(b""), request.digest(b"ab"), request.digest(b"a", b"b"),
        request.digest(b"a", "b", b""),
    }  # fmt: skip
    assert len(digests) == 5
    assert request.digest(b"a") == request.digest("a")


@pytest.mark.parametrize("speed", [0.25, 1, 4])
def test_the_slowest_and_the_fastest_speed_are_allowed(speed: float) -> None:
    assert Request(name="a.md", speed=speed).speed == speed


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"speed": 0.24}, "Speed 0.24 is out of range: choose 0.25 to 4.0"),
        ({"speed": 4.01}, "Speed 4.01 is out of range"),
        ({"speed": float("nan")}, "Speed nan is out of range"),
        ({"format": "aac"}, "format is 'aac': choose wav, flac, mp3, opus or m4b"),
        ({"on_error": "skip"}, "on_error is 'skip': choose silence or stop"),
        ({"language": "tlh"}, "Language 'tlh' is unknown"),
        ({"speed": "fast"}, "speed is 'fast': give a number"),
        ({"speed": True}, "speed is True: give a number"),
        ({"live": "yes"}, "live is 'yes': give true or false"),
        ({"voice": 7}, "voice is 7: give a text"),
        ({"format": None}, "format is None: choose wav, flac, mp3, opus or m4b"),
    ],
)
def test_an_unservable_value_is_refused_and_named(wish: dict[str, object], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        Request(name="a.md", **wish)  # type: ignore[arg-type]


def test_a_whole_request_gives_its_language_the_one_spelling_as_single_wishes_do() -> None:
    assert Request(name="a.md", language="EN_us") == Request(name="a.md", language="en-us")


# As the first release wrote them: unfinished books are found by these digests, so neither may ever change.
STORED = [
    (
        Request(name="a.md"),
        (
            '{"as_written":"","author":"","chapters":"","encoding":"","format":"","language":"","lexicon":"",'
            '"live":false,"name":"a.md","on_error":"silence","pauses":"","skip":"","speak":"","speed":1.0,"title":"",'
            '"voice":"af_heart"}'
        ),
        "2cc5d91cfeb595aec8e34141349f6352",
    ),
    (
        Request(
            name="Bücher.epub", voice="af_bella(2)+af_sky(1)", speed=1, language="en-gb", chapters="1-3", title="T",
            author="A", format="m4b", live=True, on_error="stop", encoding="windows-1251", skip="notes", speak="code",
            as_written="dates", pauses="chapter=2000",
        ),
        (
            '{"as_written":"dates","author":"A","chapters":"1-3","encoding":"windows-1251","format":"m4b",'
            '"language":"en-gb","lexicon":"","live":true,"name":"Bücher.epub","on_error":"stop",'
            '"pauses":"chapter=2000","skip":"notes","speak":"code","speed":1,"title":"T","voice":"af_bella*2+af_sky"}'
        ),
        "8ab28ea5a562d4bee249d22e650f931c",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("wished", "text", "digest"), STORED)
def test_a_request_has_the_text_and_the_digest_that_it_had_in_the_first_release(
    wished: Request, text: str, digest: str
) -> None:
    assert wished.to_json() == text
    assert wished.digest(b"Hello.", b"", "sound", "voices") == digest
    assert Request.from_json(text) == wished
    assert Request.from_json(text).to_json() == text


def test_known_fields_of_another_releases_request_are_read() -> None:
    assert Request.from_json('{"name":"a.md","speed":1.5,"echo":true}') == Request(name="a.md", speed=1.5)
    assert Request.from_json('{"voice":"af_sky"}').name == "text.txt"


def test_a_wish_of_a_later_release_stands_only_in_the_requests_that_make_it(monkeypatch: pytest.MonkeyPatch) -> None:
    later = tuple(
        dataclasses.replace(one, wish=dataclasses.replace(one.wish, since="0.2")) if one.name == "title" else one
        for one in request_module.WISHES
    )
    before, titled = Request(name="a.md"), Request(name="a.md", title="T")
    monkeypatch.setattr(request_module, "WISHES", later)
    assert '"title"' not in before.to_json()
    assert '"title":"T"' in titled.to_json()
    assert [Request.from_json(one.to_json()) for one in (before, titled)] == [before, titled]


def test_a_stored_request_that_no_worker_can_serve_is_shown_and_not_served() -> None:
    text = '{"name":"a.md","speed":9,"language":"tlh","live":"yes","echo":true}'
    shown = Request.from_record(text)
    assert (shown.name, shown.speed, shown.language, shown.live, shown.voice) == ("a.md", 9, "tlh", False, "af_heart")
    with pytest.raises(OptionError, match=r"Speed 9 is out of range"):
        Request.from_json(text)
