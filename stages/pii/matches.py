"""What the kinds of personal data share: matches of a pattern that are real are masked and counted."""

import re
from collections.abc import Callable


def mask_matches(
    pattern: re.Pattern[str], text: str, mask: str, is_real: Callable[[re.Match[str]], bool]
) -> tuple[str, int]:
    """The text with `mask` in place of the matches that are real, and how many these are."""
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        real = is_real(match)
        count += real
        return mask if real else match[0]

    return pattern.sub(replace, text), count
