"""A program that shows a job's progress, a step whenever it is asked for one: the tests run it on a terminal."""

import json
import sys

from chorus.records import JobRecord
from chorus.request import Request
from chorus.states import State
from chorus.terminal import complain, progress


def record(**fields: object) -> JobRecord:
    """A book that is being spoken."""
    told = {
        "title": "The Adventures of a Very Long Title, Told in Full", "chapters_total": 12, "chapters_done": 3,
        "chapters_planned": 4, "segments_planned": 400, "segments_done": 118, "characters": 1000,
        "characters_total": 3000, "frames": 24_000 * 723, "spoken_by": {"mac#1": 78, "attic#2": 40}, **fields,
    }  # fmt: skip
    request = Request(name="book.epub", format="m4b")
    return JobRecord(job="j", state=State.RUNNING, request=request, digest="d", created_ms=1, **told)  # type: ignore[arg-type]


def main() -> None:
    """Do what is asked on the first descriptor, and say so on the second."""
    asked, answers = (open(int(number), mode) for number, mode in zip(sys.argv[1:], "rw", strict=True))  # noqa: SIM115, PTH123
    with progress(as_json=False) as shown:
        for line in asked:
            what, told = json.loads(line)
            if what == "show":
                shown.show(record(**told))
            elif what == "note":
                shown.note(told)
            elif what == "complain":
                complain(told)
            print("done", file=answers, flush=True)
    shown.result({}, "The end.")


if __name__ == "__main__":
    main()
