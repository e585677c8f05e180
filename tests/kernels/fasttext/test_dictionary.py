"""Dictionaries of models, against plain Python."""

import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.fasttext import dictionary
from dspipe.kernels.fasttext.dictionary import WordTables, find_word, skip_entries, word_tables
from dspipe.kernels.hashing import hash_fasttext_token
from dspipe.kernels.jit import cache_folder

WORDS = st.lists(st.binary(max_size=12).map(lambda word: word.replace(b"\0", b"")), max_size=40)


def entries_of(words: list[bytes]) -> bytes:
    """As they stand in a file; counts may have zero bytes."""
    return b"".join(word + b"\0" + struct.pack("<qb", 256 * number, 0) for number, word in enumerate(words))


def tables_of(words: list[bytes]) -> WordTables:
    return word_tables(np.frombuffer(entries_of(words), np.uint8), len(words))


@given(WORDS, st.binary(max_size=3))
def test_words_are_found(words: list[bytes], before: bytes) -> None:
    entries = entries_of(words)
    data = np.frombuffer(before + entries + b"more", np.uint8)
    assert skip_entries(data, len(before), len(words)) == len(before + entries)
    found = tables_of(words)
    assert found.hashes.tolist() == [hash_fasttext_token(word) for word in words]
    ends = found.word_offsets.tolist()
    assert [found.word_data[a:b].tobytes() for a, b in pairwise(ends)] == words
    for word in (*words, b"absent!", b""):
        assert find_word(found, word) == (words.index(word) if word in words else -1)


@given(WORDS.filter(bool))
def test_entries_that_are_cut_short(words: list[bytes]) -> None:
    entries = entries_of(words)
    for size in range(max(0, len(entries) - 24), len(entries)):
        assert skip_entries(np.frombuffer(entries[:size], np.uint8), 0, len(words)) == -1


def test_a_large_dictionarys_tables_are_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"word{number}".encode() for number in range(3000)]
    alone = tables_of(words)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(dictionary, "_SHARED_WORDS", 1000)
    for _ in range(2):
        shared = tables_of(words)
        assert all(np.array_equal(getattr(shared, name), getattr(alone, name)) for name in WordTables._fields)
    assert len(list((cache_folder() / "tables").glob("fasttext-words-*"))) == 1
    assert isinstance(shared.slots.base, np.memmap)
