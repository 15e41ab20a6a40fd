"""The sentences about the stand-in voice, which speaks while Kokoro's weights are missing. Knows no model file."""

from typing import Final

NAME: Final = "stand-in voice"
"""The name that its model file carries."""
PULL: Final = "chorus models pull"
"""The command that fetches the real voice. Every message that names the stand-in names it too."""
REMARK: Final = f"The {NAME} only stands in for Kokoro's real one, which `{PULL}` fetches."
"""For files and reports."""
SPEAKS: Final = f"The {NAME} speaks: `{PULL}` fetches Kokoro's real one."
"""For terminals."""
LANGUAGES: Final = (
    f"the {NAME} was measured on American English: other languages' sounds are spoken by the nearest it has."
)
