"""A worker whose server is away says what is wrong once, however many of its parts notice and however often."""

import pytest
from redis import exceptions

from broker.outage import Outage

WHERE = "127.0.0.1:6379"
AWAY, LOADS = exceptions.ConnectionError("refused"), exceptions.BusyLoadingError("loading")


def test_each_sentence_is_said_once_until_all_is_well(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage()
    for _ in range(3):
        for who, error in (("consumer", AWAY), ("heartbeat", AWAY), ("consumer", LOADS), ("heartbeat", AWAY)):
            outage.tell(who, error, WHERE)
    outage.over("reaper")
    outage.over("consumer")
    outage.tell("consumer", AWAY, WHERE)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith(f"No Redis or Valkey answers at {WHERE}: ")
    assert said[1].startswith(f"The server at {WHERE} is still reading its data from disk: ")
    assert all(sentence.endswith(". This worker waits for it.") for sentence in said)
    caplog.clear()
    for who in ("consumer", "heartbeat", "heartbeat"):
        outage.over(who)
    assert [record.getMessage() for record in caplog.records] == ["The server serves again."]
    outage.tell("reaper", AWAY, WHERE)
    assert len(caplog.records) == 2
