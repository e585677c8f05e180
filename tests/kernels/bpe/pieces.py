"""What the tests of tokenizer kernels share: text that is hard to cut, and plain cutting."""

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st
from tokenizers import Tokenizer

from dspipe.tokenizer import unicode_ranges as sets
from dspipe.tokenizer.arrays import Bytes, Offsets
from dspipe.tokenizer.schemes import PreTokenizer, Scheme

HARD = st.lists(
    st.one_of(
        st.sampled_from(
            "\n\r \t5aZÀéạẤพख़한“！。　①中あゝ〇\u00a0\u2003\u1680\u200b\u200d😀\u0301ﾊ９Ａ٣,.<\x00\ue000Ⅷ²"
        ),
        st.sampled_from(
            ["  ", " \u2003", "\u2003 ", "　　", "hello", " wörld", "中文，", "\n\n", "don't", "हिन्दी", "۱۲"]
        ),
        st.sampled_from(["'", "'s", "'S", "'ſ", "'LL", "'re", "'v", "\r\n", " \n ", "\t", "12345", "(a", "!!"]),
        st.sampled_from("゛・\u3040\u3099"),
        st.sampled_from(["XMLHttp", "中AB", "ABة", "ǅ", "ʰX", "\u0301A", "!/", "\n/", "/\r", "A's", "_B"]),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=24,
).map("".join)
"""texts of characters from every class, and of their borders"""


def joined(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The texts' bytes and offsets, as kernels see them."""
    parts = [text.encode() for text in texts]
    offsets = np.append(0, np.cumsum([len(part) for part in parts])).astype(np.int64)
    return np.frombuffer(b"".join(parts), np.uint8), offsets


def cut(pre_tokenizer: PreTokenizer, texts: list[str]) -> list[list[str]]:
    """The pieces of each text."""
    text, offsets = joined(texts)
    data, start = text.tobytes(), 0
    pieces: list[list[str]] = [[]]
    for ends in pre_tokenizer.blocks(text, offsets):
        for end in ends.tolist():
            if end == start:
                pieces.append([])
            else:
                pieces[-1].append(data[start:end].decode())
            start = end
    assert pieces.pop() == []
    return pieces


class HuggingFaceScan:
    """A pre-tokenizer that runs in the library `tokenizers`, one document at a time."""

    def __init__(self, pre_tokenizer: dict[str, Any]) -> None:
        model = {"type": "BPE", "vocab": {}, "merges": []}
        parts = {"version": "1.0", "added_tokens": [], "model": model, "pre_tokenizer": pre_tokenizer}
        self._pre_tokenizer = Tokenizer.from_str(json.dumps(parts)).pre_tokenizer

    def blocks(self, text: Bytes, offsets: Offsets) -> Iterator[Offsets]:
        """As PreTokenizer.blocks. Pieces come as one character a byte, so their lengths are those in bytes."""
        for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            pieces = self._pre_tokenizer.pre_tokenize_str(text[start:end].tobytes().decode())
            lengths = np.fromiter((len(piece) for piece, _ in pieces), np.int64, len(pieces))
            yield np.append(start + np.cumsum(lengths), end)


def pattern_of(scheme: Scheme) -> str:
    """The pattern of a scheme that is one Split."""
    pattern: str = scheme.hugging_face["pretokenizers"][0]["pattern"]["Regex"]
    return pattern


def cut_strictly(text: str) -> list[str]:
    """The seven steps of DeepSeek LLM's pre-tokenizer one after the other, without numbers newer than its library."""
    blank = f"[{sets.regex_set([sets.BLANKS, 'A D'])}]"
    letters, punctuation, cjk = (
        f"[{sets.regex_set([ranges])}]" for ranges in (sets.CASED_LETTERS, sets.STRICT_PUNCTUATION, sets.STRICT_CJK)
    )
    newer = sets.regex_set([sets.NEWER_NUMBERS])
    number = f"(?![{newer}])[{sets.regex_set([sets.NUMBERS, sets.CJK_NUMBERS])}]"
    steps = ["[\r\n]", f"{blank}?{letters}+", f"{blank}?{punctuation}+", rf"{blank}+\Z", f"{cjk}+", number]
    pieces = [text] if text else []
    for step in steps:
        pieces = [part for piece in pieces for part in re.split(f"({step})", piece) if part]
    return pieces
