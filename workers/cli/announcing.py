"""What a render of a folder is about to do: the documents found, how long they will last, and whether to go on.

Knows nothing of the stack or of Redis; reads a sample of each document and speaks nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chorus.job_view import clock
from chorus.terminal import Progress
from tasks.inspection import estimate_s
from tasks.plan import spoken_language
from workers.cli.render_requests import RenderRequest

LONG_S: Final = 5 * 3600
"""Beyond this length the user is asked: a wrong folder would keep the machine busy for hours."""
LISTED: Final = 20


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """Says what was found before anything is started for it."""

    folders: Sequence[Path]
    """The folders that the user named; without one, nothing is said."""
    ask: Callable[[str], None] | None = None
    """Asks the user a question and raises if the answer is no. None: there is no terminal, or `--yes` was given."""

    def __call__(self, orders: Sequence[RenderRequest], progress: Progress) -> None:
        """Say it, and ask beyond five hours of audio. `orders`: what is left to render."""
        if not self.folders:
            return
        lengths_s = [
            estimate_s(one.document, spoken_language(one.request, one.document), one.request) for one in orders
        ]
        total_s = sum(lengths_s)
        count = f"{len(orders)} document{'' if len(orders) == 1 else 's'}"
        folders = ", ".join(map(str, self.folders))
        progress.note(f"Found in {folders}: {count} to render, about {clock(total_s)} of audio.")
        for order, length_s in list(zip(orders, lengths_s, strict=True))[:LISTED]:
            chapters = len(order.document.chapters)
            plural = "" if chapters == 1 else "s"
            progress.note(f"  {order.target.name}: {order.title}, {chapters} chapter{plural}, about {clock(length_s)}")
        if len(orders) > LISTED:
            progress.note(f"  … and {len(orders) - LISTED} more")
        if self.ask and total_s > LONG_S:
            self.ask(f"That is more than {LONG_S // 3600} hours of audio. Go on?")
