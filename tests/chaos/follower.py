"""Follows a job as an application would, and writes each chunk with its position to a file: `follower.py URL JOB FILE`.

Each line is one chunk. Started again, it drops a line that was cut short and continues behind the last whole one.
"""

import base64
import json
import sys
from dataclasses import asdict
from pathlib import Path

from chorus import Client
from chorus.hearing import START, Position


def heard(file: Path) -> list[dict[str, str | int]]:
    """Every whole line."""
    text = file.read_text("utf-8") if file.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def follow(url: str, job: str, file: Path) -> None:
    before = heard(file)
    position = Position(**before[-1]["position"]) if before else START  # type: ignore[arg-type]
    # A chunk whose line was cut short by a kill is read again.
    file.write_text("".join(json.dumps(line) + "\n" for line in before), "utf-8")
    with Client(url) as client, client.listen(job, position) as listener, file.open("a", encoding="utf-8") as told:
        for chunk in listener:
            line = {
                "segment": chunk.segment,
                "chunk": chunk.chunk,
                "pcm": base64.b64encode(chunk.pcm).decode(),
                "position": asdict(listener.position),
            }
            told.write(json.dumps(line) + "\n")
            told.flush()


if __name__ == "__main__":
    follow(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
