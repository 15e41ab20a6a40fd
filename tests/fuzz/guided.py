"""Fuzzes one parser by coverage, with atheris: `guided.py PARSER SECONDS CORPUS FOUND`.

What breaks the law is written into FOUND, one file for each place where it broke, and the fuzzer goes on.
"""

import hashlib
import sys
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tasks", "chorus"]):
    import parsers
    from seeds import seeds


def place(error: BaseException) -> str:
    """Where it broke: what was raised, and by which line of ours."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename]
    last = frames[-1] if frames else None
    where = f"{Path(last.filename).name}:{last.lineno}" if last else "?"
    said = str(error)[:20] if isinstance(error, parsers.LawBrokenError) else ""
    return f"{type(error).__name__}-{where}-{said}"


def main() -> None:
    """Run until the time is over; libFuzzer ends the process."""
    parser, seconds, corpus, found = sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    for seed in seeds(parser):
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)

    def one(data: bytes) -> None:
        try:
            parsers.check(parser, data)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it breaks the law
            at = hashlib.sha256(place(error).encode()).hexdigest()[:12]
            path = found / f"{parser}-{at}"
            if not path.exists() or path.stat().st_size > len(data):
                path.write_bytes(data)
                path.with_suffix(".why").write_text("".join(traceback.format_exception(error))[-3000:])

    options = (f"-max_total_time={seconds}", "-max_len=6000", "-rss_limit_mb=3000", "-timeout=30", "-verbosity=0")
    atheris.Setup(
        [sys.argv[0], *options, "-print_final_stats=1", f"-artifact_prefix={found}/{parser}-", str(corpus)], one
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
