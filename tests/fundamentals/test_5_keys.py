"""Five, the keys: one module builds every Redis key, and all keys of a job lie on the same node of a cluster."""

import re

from chorus import Client
from chorus.keys import INBOX, JobKeys, kind_of


def test_a_submit_writes_a_record_and_the_document_and_adds_the_job_to_the_inbox(client: Client) -> None:
    record = client.submit("Nobody was lost.", job="letter", format="m4b")
    keys = JobKeys("letter")
    assert (record.state, record.request.format) == ("queued", "m4b")
    assert keys.record == "chorus:{letter}:record"
    assert (kind_of(keys.record), kind_of(keys.stream), kind_of(INBOX)) == ("hash", "stream", "list")


def test_the_keys_of_a_job_share_their_hash_tag() -> None:
    tags = {re.findall(r"\{(.*?)\}", key)[0] for key in JobKeys("letter").all}
    assert tags == {"letter"}
