"""Named pre-tokenizers: how text is cut into the pieces within which bytes are merged.

    deepseek          the default: the categories of DeepSeek LLM (newlines, words, punctuation, CJK, single digits),
                      with classes chosen for users, below
    deepseek_strict   exactly the pre-tokenizer of DeepSeek LLM (arXiv:2401.02954, section 2.1, as published with its
                      tokenizer)
    deepseek_v3       that of DeepSeek-V3
    gpt2, cl100k      those of GPT-2 and of OpenAI's cl100k_base, which is Llama 3's too
    qwen2             that of Qwen 2, 2.5 and 3: cl100k with single digits
    o200k             that of OpenAI's o200k_base (GPT-4o, gpt-oss): words are cut where capitals begin anew

Each has the form that Hugging Face's `tokenizers` reads, and a kernel that is equal to it on every text and some
hundred times as fast (tokenizer.scans).

Where `deepseek` differs from the strict form, and why:

- A letter is whatever is no blank, number, punctuation, symbol, CJK or control character; so accented letters stay in
  their words (strict cuts them out: na|ï|ve), as do those of scripts without case (Arabic, Hindi, Thai), and combining
  marks and joiners stay with their letters. Characters assigned to future scripts are letters.
- Hangul is a letter, and takes the blank before it: Korean puts blanks between words.
- Punctuation is all punctuation and symbols of Unicode with one blank before it; strict puts curly quotes with CJK and
  leaves most others over. Emoji are symbols, with their variation selectors.
- Newlines form runs, so that a blank line can be one token.
- Numerals used within Chinese text (U+3007) stay with it.

Measured with vocabularies of 32,000 tokens trained on one half of 50 MB (German and Chinese law, books, wikis, code,
news in 8 languages, ...) and applied to the other: 3.30 bytes a token for 3.21 of the strict form; 3.51 for 3.19 on
German law, 3.38 for 3.19 on news in 8 languages, where cl100k gets 3.63 and 3.30. What cl100k and deepseek_v3 gain
beyond it (3.53 and 3.48) lies in code and TeX, whose punctuation they join to the word after it, and in their groups of
three digits; both would mix the categories that this scheme is there to keep apart.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from dspipe.tokenizer import scans
from dspipe.tokenizer import unicode_ranges as sets
from dspipe.tokenizer.arrays import Bytes, Offsets

BLOCK = 1 << 14
"""Ends of pieces in a block: about 80 KB of text, so that it is still in the core's cache when it is read again."""

_BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


class PreTokenizer(Protocol):
    """Cuts documents into pieces."""

    def blocks(self, text: Bytes, offsets: Offsets) -> Iterator[Offsets]:
        """The ends of the pieces of the documents text[offsets[i]:offsets[i + 1]], in blocks; see
        kernels.bpe.pretokenize.

        A block is valid until the next one is asked for.
        """


@dataclass(frozen=True)
class Scheme:
    """A named pre-tokenizer."""

    name: str
    hugging_face: dict[str, Any]
    """the `pre_tokenizer` of a tokenizer.json"""
    scan: Callable[[], scans.Scan]

    def pre_tokenizer(self) -> "KernelScan":
        """The same as a kernel."""
        return KernelScan(*self.scan())


def _split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def _sequence(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": [*steps, _BYTES]}


def _deepseek_regex() -> str:
    blank, number, cjk = (f"[{sets.regex_set([text])}]" for text in (sets.BLANKS, sets.NUMBERS, sets.CJK))
    punctuation, other = (f"[{sets.regex_set([text])}]" for text in (sets.PUNCTUATION, sets.OTHER))
    rest = ["A D", sets.BLANKS, sets.NUMBERS, sets.CJK, sets.OTHER]
    letter, letter_or_punctuation = (
        f"[^{sets.regex_set([*rest, sets.PUNCTUATION])}]",
        f"[^{sets.regex_set(rest)}]",
    )
    return "|".join(
        [
            "[\\r\\n]+",
            f"{blank}?{letter}+",
            f"{blank}?{punctuation}+",
            f"{cjk}+",
            number,
            f"{blank}+(?={blank}{letter_or_punctuation})",
            f"{blank}+",
            f"{other}+",
        ]
    )


def _strict_steps() -> list[dict[str, Any]]:
    letters = "".join(_literal(first, last) for first, last in sets.parse_ranges(sets.CASED_LETTERS))
    return [
        _split("[\r\n]"),
        _split(f"\\s?[{letters}]+"),
        _split("\\s?[!-/:-~！-／：-～‘-‟　-。]+"),
        _split("\\s+$"),
        _split("[一-龥ࠀ-一가-퟿]+"),
        {"type": "Digits", "individual_digits": True},
    ]


def _literal(first: int, last: int) -> str:
    return chr(first) if first == last else f"{chr(first)}-{chr(last)}"


class KernelScan:
    """A pre-tokenizer as a scan by a kernel."""

    def __init__(self, kernel: Callable[..., int], arguments: tuple[Any, ...]) -> None:
        self._kernel, self._arguments = kernel, arguments
        self._ends = np.empty(BLOCK, np.int64)

    def blocks(self, text: Bytes, offsets: Offsets) -> Iterator[Offsets]:
        """As PreTokenizer.blocks."""
        state = np.array([0, offsets[0]], np.int64)
        while n := self._kernel(text, offsets, *self._arguments, state, self._ends):
            yield self._ends[:n]


_CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
_QWEN2 = _CL100K.replace(r"\p{N}{1,3}", r"\p{N}")
_O200K = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
_DEEPSEEK_V3 = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)

_V3_STEPS = (_split(r"\p{N}{1,3}"), _split("[一-龥぀-ゟ゠-ヿ]+"), _split(_DEEPSEEK_V3))

SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme("deepseek", _sequence(_split(_deepseek_regex())), scans.deepseek),
        Scheme("deepseek_strict", _sequence(*_strict_steps()), scans.deepseek_strict),
        Scheme("deepseek_v3", _sequence(*_V3_STEPS), scans.deepseek_v3),
        Scheme("gpt2", {**_BYTES, "use_regex": True}, scans.gpt2),
        Scheme("cl100k", _sequence(_split(_CL100K)), scans.cl100k),
        Scheme("qwen2", _sequence(_split(_QWEN2)), scans.qwen2),
        Scheme("o200k", _sequence(_split(_O200K)), scans.o200k),
    )
}


def find_scheme(pre_tokenizer: Any) -> Scheme | None:
    """The named scheme that a tokenizer.json's `pre_tokenizer` is, or None."""
    wanted = _normalize(_isolate(pre_tokenizer))
    return next((scheme for scheme in SCHEMES.values() if _normalize(scheme.hugging_face) == wanted), None)


def _isolate(pre_tokenizer: Any) -> Any:
    """GPT-4o's file removes what its one pattern doesn't match, where others keep what it does: the patterns above that
    stand alone match every character, so both are the same."""
    match pre_tokenizer:
        case {"type": "Sequence", "pretokenizers": [{"behavior": "Removed", "invert": True} as split, _]}:
            kept = {**split, "behavior": "Isolated", "invert": False}
            return {**pre_tokenizer, "pretokenizers": [kept, pre_tokenizer["pretokenizers"][1]]}
    return pre_tokenizer


def _normalize(part: Any) -> Any:
    """What of a pre-tokenizer decides where it cuts, however it is written: GPT-2's file leaves `use_regex` out,
    DeepSeek-V3's patterns have line ends for `\\r` and `\\n`."""
    if isinstance(part, list):
        return [_normalize(each) for each in part]
    if isinstance(part, dict):
        kept = {key: _normalize(value) for key, value in part.items() if key != "trim_offsets"}
        return {"use_regex": True, **kept} if part.get("type") == "ByteLevel" else kept
    return part.replace("\r", "\\r").replace("\n", "\\n") if isinstance(part, str) else part
