"""Lines that are looked for in many documents: which they are, and their hashes."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.stages.shared.line_hashes import find_worded_lines, hash64_with, hash_texts


def test_lines_with_a_letter_or_a_digit() -> None:
    column = pa.array(["left out", "one\n\n---\ntwo", "", "字\n7\n…"], pa.large_string()).slice(1)
    positions, lines, numbers = find_worded_lines(pc.split_pattern(column, "\n"))
    assert lines.to_pylist() == ["one", "two", "字", "7"]
    assert positions.tolist() == [0, 0, 2, 2]
    assert numbers.tolist() == [0, 3, 5, 6]


def test_blanks_do_not_count() -> None:
    first, second, third, other = hash_texts(pa.array(["a b", " a  b\t", "a\u3000b", "a c"], pa.string())).tolist()
    assert first == second == third != other


def test_a_hash_with_a_number() -> None:
    hashes = np.repeat(hash_texts(pa.array(["a", "b", "c"], pa.string())), 1000)
    numbers = np.tile(np.arange(1000), 3)
    assert len(np.unique(hash64_with(numbers, hashes))) == 3000
    assert (hash64_with(numbers, hashes) == hash64_with(numbers.astype(np.uint32), hashes)).all()
