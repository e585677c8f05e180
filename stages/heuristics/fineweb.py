"""FineWeb's own rules: Penedo et al. 2024, "The FineWeb Datasets" (arXiv 2406.17557), section 3.6, which found these
statistics to differ most between good and bad crawls.

The paper has three of the rules; the fourth, on line ends per word, is in datatrove's code alone and off by default.
There the share of duplicated characters is 0.01, not 0.1, and a line of 30 characters is short, not only one of fewer.
A share that is equal to its threshold passes here as in the code, while the paper says that it is dropped.

With `like: datatrove` verdicts agree with datatrove's FineWebQualityFilter on English text. A line's end is looked at
without stripping white space, as there, and a closing quote hides the period before it in Latin script; in other
scripts it doesn't. A text with no line at all has no terminal line here, is "empty" there, and is dropped by both.
Beyond English the thresholds are FineWeb2's (see languages.py). Duplicates are looked for within a document's first
2^18 lines.
"""

from typing import ClassVar

from pydantic import PositiveInt

from dspipe.stages.heuristics.rules import Rule, RuleSet


class FineWeb(RuleSet):
    """Thresholds; null turns a rule off."""

    RULES: ClassVar = (
        Rule("min_terminal_lines", "terminal_lines", "too_few_terminal_lines"),
        Rule("max_short_lines", "short_lines", "too_many_short_lines"),
        Rule("max_duplicate_characters", "duplicate_text_line_characters", "duplicate_characters"),
        Rule("max_newlines_per_word", "newlines_per_word", "too_many_newlines"),
    )

    DATATROVE: ClassVar = {"max_duplicate_characters": 0.01, "max_newlines_per_word": 0.3, "short_line_length": 30}

    min_terminal_lines: float | None = 0.12
    """Share of lines with text that end as a sentence does, at least."""
    max_short_lines: float | None = 0.67
    """Share of lines with text that are short, at most."""
    max_duplicate_characters: float | None = 0.1
    """Share of characters that are in lines that occurred before, at most; no line ends; datatrove: 0.01."""
    max_newlines_per_word: float | None = None
    """Line ends per token, at most; a token is a word or a mark of punctuation. In datatrove's code alone: 0.3."""

    short_line_length: PositiveInt = 29
    """Characters up to which a line is short; datatrove: 30. A change reads the text again."""
