"""What a tokenizer makes of a text, beside others: by language and domain, and by the use of its vocabulary."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dspipe.tokenizer import unicode_ranges as sets
from dspipe.tokenizer.encoder import AnyEncoder, TokenizerError
from dspipe.tokenizer.text_files import batch_documents, read_documents

Report = dict[str, Any]

LONGEST = 20
_WORD = re.compile(
    f"[{sets.regex_set([sets.CJK])}]|[^{sets.regex_set(['A D', sets.BLANKS, sets.CJK, sets.PUNCTUATION, sets.OTHER])}]+"
)
"""a word: one Han character or kana, or a run of letters and digits"""


def evaluate_all(encoders: Mapping[str, AnyEncoder], paths: Iterable[Path]) -> Report:
    """One report over the documents of the files.

    {"languages": {language: row}, "domains": {domain: row}, "all": row, "vocabulary": {tokenizer: ...}}, where a row
    has bytes, words, and by tokenizer `bytes_per_token` and `tokens_per_word`. The vocabulary's part has the engine,
    size, the share of tokens that are one byte of a longer character, the ids never used, and the longest tokens used.
    """
    groups: dict[str, dict[str, dict[str, int]]] = {"languages": {}, "domains": {}, "all": {}}
    used = {name: np.zeros(encoder.vocab_size, np.int64) for name, encoder in encoders.items()}
    for batch in batch_documents(read_documents(paths)):
        texts = pa.array([document.text for document in batch], pa.large_string())
        tokens = {}
        for name, encoder in encoders.items():
            ids, offsets = encoder.encode(texts)
            tokens[name] = np.diff(offsets)
            used[name] += np.bincount(ids, minlength=len(used[name]))
        for i, document in enumerate(batch):
            size, words = len(document.text.encode()), count_words(document.text)
            for group, key in (("languages", document.language), ("domains", document.domain), ("all", "all")):
                row = groups[group].setdefault(key, {"bytes": 0, "words": 0, **dict.fromkeys(encoders, 0)})
                row["bytes"] += size
                row["words"] += words
                for name in encoders:
                    row[name] += int(tokens[name][i])
    shown = {
        group: {key: _make_row(row, encoders) for key, row in sorted(rows.items(), key=lambda item: -item[1]["bytes"])}
        for group, rows in groups.items()
    }
    vocabulary = {name: _describe_vocabulary(encoder, used[name]) for name, encoder in encoders.items()}
    return {**shown, "all": shown["all"].get("all", {}), "vocabulary": vocabulary}


def count_words(text: str) -> int:
    """How many words a text has: Han characters and kana one each, else runs of letters and digits."""
    return sum(1 for _ in _WORD.finditer(text))


def _make_row(row: dict[str, int], names: Iterable[str]) -> dict[str, Any]:
    return {
        "bytes": row["bytes"],
        "words": row["words"],
        "bytes_per_token": {name: row["bytes"] / max(1, row[name]) for name in names},
        "tokens_per_word": {name: row[name] / max(1, row["words"]) for name in names},
    }


def _describe_vocabulary(encoder: AnyEncoder, used: "np.ndarray[Any, np.dtype[np.int64]]") -> dict[str, Any]:
    tokens: dict[int, bytes] = {}
    for number in range(encoder.vocab_size):
        try:
            tokens[number] = encoder.decode([number])
        except TokenizerError:  # a gap between the ids
            continue
    parts = [number for number, token in tokens.items() if len(token) == 1 and token[0] >= 0x80]
    longest = sorted((number for number in tokens if used[number]), key=lambda number: -len(tokens[number]))[:LONGEST]
    return {
        "engine": encoder.engine,
        "size": encoder.vocab_size,
        "single_byte_share": float(used[parts].sum() / max(1, used.sum())),
        "unreached": sum(1 for number in tokens if not used[number]),
        "longest": [tokens[number].decode("utf-8", "backslashreplace") for number in longest],
    }
