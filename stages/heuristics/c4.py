"""C4's page rules: Raffel et al. 2020, "Exploring the Limits of Transfer Learning" (JMLR 21/140), section 2.2, with
the two line rules (words over 1000 characters, policy phrases) of its published code, tensorflow_datasets' c4_utils.

C4 removes lines, then judges the page by what is left. This rule set judges as if the lines had been removed and
leaves the text as it is. A line stays if it ends in . ? ! or a closing quote, has five words, none of them over 1000
characters, and neither "javascript" nor a policy phrase; a page with three sentences in such lines and neither a curly
bracket nor "lorem ipsum" anywhere passes. Five words and three sentences are those of the published code and of the
paper's last version (arXiv 1910.10683v4); in JMLR the two numbers are exchanged. The list of bad words is a block list,
not a statistic, and not part of it.

With `like: datatrove` verdicts agree with datatrove's C4QualityFilter on English text: three words, five sentences,
straight quotes alone, no semicolons, and its order matters: a page with a curly bracket in a line that goes before for
another rule is not dropped for it. What differs from both, on purpose:

- In scripts other than Latin a line may end with the script's own mark (。 ؟ । ။ and so on: Unicode's property
  Sentence_Terminal), in Chinese also with the semicolon ； that ends a clause of a list (a statute is a sentence of
  dozens of them), and each is a sentence; also inside a closing quote or bracket. Thai, Lao, New Tai Lue and Tai Tham
  mostly write no such mark: every line counts as ended, and a space as the end of half a sentence. Two Ethiopic word
  spaces count as the full stop that they are typed for.
- Words of a line in an unspaced script are counted by its letters (see kernels/text/script.py).
- Citations ([1], [edit]) are looked for in lines of up to 64 KiB.
"""

from typing import ClassVar

from pydantic import NonNegativeInt, PositiveInt

from dspipe.stages.heuristics.rules import Rule, RuleSet


class C4(RuleSet):
    """Thresholds; null turns a rule off. The line settings are part of what is measured: a change reads the text
    again."""

    RULES: ClassVar = (
        Rule("max_lorem_ipsum_lines", "lorem_ipsum_lines", "lorem_ipsum"),
        Rule("max_curly_bracket_lines", "curly_bracket_lines", "curly_bracket"),
        Rule("min_sentences", "sentences", "too_few_sentences"),
    )

    DATATROVE: ClassVar = {"min_sentences": 5, "min_words_per_line": 3}

    max_lorem_ipsum_lines: float | None = 0
    """Lines with "lorem ipsum", at most; like datatrove, among those that are not left out for another reason."""
    max_curly_bracket_lines: float | None = 0
    """Lines with `{`, at most; like datatrove, among those that are not left out for another reason."""
    min_sentences: float | None = 3
    """Sentences in the lines that are not left out, at least; datatrove: 5."""

    min_words_per_line: NonNegativeInt = 5
    """Leave out lines of fewer words; datatrove: 3."""
    max_word_length: PositiveInt = 1000
    """Leave out lines with a word of more characters; a word is what stands between white space."""
    terminal_punctuation: bool = True
    """Leave out lines that don't end as a sentence does."""
    javascript: bool = True
    """Leave out lines with the word "javascript"."""
    policy: bool = True
    """Leave out lines with "terms of use", "privacy policy", "cookie policy", "use cookies" and the like."""
    citations: bool = True
    """Look at lines without Wikipedia's [1] and [edit]."""
