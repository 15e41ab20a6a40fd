"""The keys in Redis: one module builds them all, and the keys of a job share one hash tag."""

from pathlib import Path

import pytest

from chorus import keys
from chorus.errors import OptionError
from chorus.keys import JobKeys, check_job_id, kind_of


def test_a_jobs_keys_have_the_order_that_the_scripts_expect() -> None:
    names = [key.removeprefix("chorus:{a.b}:") for key in JobKeys("a.b").all]
    assert names == [
        "record", "source", "cover", "steps", "specs", "owners", "attempts", "sends", "flights", "errands", "stream",
        "entries", "parts", "chapters", "readers",
    ]  # fmt: skip


def test_every_key_has_its_attribute() -> None:
    names = JobKeys("j")
    attributes = {"flights": "segment_leases", "errands": "desk_leases"}
    stored = [key.rpartition(":")[2] for key in names.all]
    assert tuple(getattr(names, attributes.get(name, name)) for name in stored) == names.all
    assert names.stream == "chorus:{j}:stream"


def test_all_keys_of_a_job_share_its_hash_tag() -> None:
    assert {key.partition("{")[2].partition("}")[0] for key in JobKeys("book-1").all} == {"book-1"}


@pytest.mark.parametrize("job", ["a", "A.b_c-9", "x" * 64, "...a"])
def test_a_plain_id_is_used_unchanged(job: str) -> None:
    assert check_job_id(job) == job
    assert JobKeys(job).job == job


@pytest.mark.parametrize("job", ["", "x" * 65, "a b", "a:b", "a{b}", "a/b", ".", "..", "a\n", "größe"])
def test_an_id_that_would_break_a_key_or_a_file_name_is_refused(job: str) -> None:
    with pytest.raises(OptionError, match=r"Job id .* cannot be used: take 1 to 64"):
        JobKeys(job)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (JobKeys("j").record, "hash"),
        (JobKeys("j").source, "string"),
        (JobKeys("j").segment_leases, "zset"),
        (JobKeys("j").stream, "stream"),
        (keys.INBOX, "list"),
        (keys.ACTIVE, "zset"),
        (keys.PRIMERS, "hash"),
        (keys.PRIMERS_USED, "zset"),
        (keys.worker("w#1"), "string"),
        (keys.SET_ASIDE, "zset"),
        (keys.SET_ASIDE_TOTAL, "string"),
        ("chorus:{j}:secrets", ""),
        ("chorus:other", ""),
    ],
)
def test_every_key_is_declared_with_its_type_and_only_those(key: str, kind: str) -> None:
    assert kind_of(key) == kind


def test_the_lists_of_jobs_expire_after_every_job_in_them() -> None:
    assert keys.GLOBAL_S > keys.UNFINISHED_S > keys.FINISHED_S > keys.WORKER_S


def test_the_page_about_the_wire_shows_a_key_as_it_is_stored() -> None:
    page = (Path(__file__).parents[2] / "docs" / "wire.md").read_text("utf-8")
    assert f"The stream of job `a1` is `{JobKeys('a1').stream}`:" in page
    assert f"STREAMS {JobKeys('a1').stream} 0-0" in page
