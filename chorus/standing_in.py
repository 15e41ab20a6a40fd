"""What every surface says where the stand-in voice speaks instead of Kokoro. Pure: knows no model file."""

from typing import Final

NAME: Final = "stand-in voice"
"""What the model calls itself."""
PULL: Final = "chorus models pull"
"""The command that fetches the real voice; every surface that names the stand-in names it too."""
REMARK: Final = f"The {NAME} only stands in for Kokoro's real one, which `{PULL}` fetches."
"""For files and reports, which are read without the farm at hand."""
SPEAKS: Final = f"The {NAME} speaks: `{PULL}` fetches Kokoro's real one."
"""For terminals."""
LANGUAGES: Final = (
    f"the {NAME} was measured on American English: other languages' sounds are spoken by the nearest it has."
)
