"""A request: checked when it is made, the same text whenever it is the same, and a digest that tells jobs apart."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
def test_a_request_survives_the_record(request: Request) -> None:
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
    ],
)  # fmt: skip
def test_every_wish_makes_another_job(change: dict[str, object]) -> None:
    request = Request(name="a.md")
    assert dataclasses.replace(request, **change).digest() != request.digest()  # type: ignore[arg-type]


def test_the_parts_of_a_digest_do_not_run_together() -> None:
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
        ({"format": "aac"}, "Format 'aac' is unknown: choose one of wav, flac, mp3, opus, m4b"),
        ({"on_error": "skip"}, "on_error is 'skip': choose silence or stop"),
    ],
)
def test_what_no_worker_could_serve_is_refused_by_its_value(wish: dict[str, object], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        Request(name="a.md", **wish)  # type: ignore[arg-type]
