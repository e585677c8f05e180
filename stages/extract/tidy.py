"""What is left over at the ends of an extracted text, and runs of empty lines."""

import re

_STRAY_TAGS = re.compile(
    r"[ \t]*(?:<(?:img|iframe|script|noscript|ins|embed|object|link|meta)[ \t][^<>=]*=[^<>]*>(?:</[a-z]+>)?[ \t]*)*"
)
"""a line of media to embed, written as text (escaped twice, or in <noframes>); tags without attributes are spoken of"""
_BLANK_LINES = re.compile(r"\n(?:[ \t\xa0\u3000]*\n){3,}")


def tidy(text: str) -> str:
    """The text without lines of tags at its beginning and end, and with two empty lines on end at most, as in code."""
    text = _BLANK_LINES.sub("\n\n\n", text.strip())
    start, end = 0, len(text)
    while (cut := text.find("\n", start, end)) >= 0 and _STRAY_TAGS.fullmatch(text, start, cut):
        start = cut + 1
    while (cut := text.rfind("\n", start, end)) >= 0 and _STRAY_TAGS.fullmatch(text, cut + 1, end):
        end = cut
    return text[start:end].strip()
