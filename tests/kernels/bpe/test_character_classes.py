import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.bpe.character_classes import CHARACTERS, END, class_at, class_table, decode
from dspipe.kernels.jit import jit

CLASSES = (np.arange(CHARACTERS) * 7919 >> 4).astype(np.uint8) % 200

TABLE = class_table(CLASSES)


@jit
def classes_of(text, ascii, block_of, blocks, found):  # type: ignore[no-untyped-def]
    p, n = 0, 0
    while True:
        kind, length = class_at(text, p, len(text), ascii, block_of, blocks)
        if kind == END:
            return n
        character, same = decode(text, p)
        found[n, 0], found[n, 1], found[n, 2] = kind, character, same - length
        n += 1
        p += length


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_character_has_its_class(text: str) -> None:
    data = np.frombuffer(text.encode(), np.uint8)
    found = np.zeros((len(text), 3), np.int64)
    assert classes_of(data, *TABLE, found) == len(text)
    assert found.tolist() == [[CLASSES[ord(c)], ord(c), 0] for c in text]


@pytest.mark.parametrize("bad", [np.zeros(5, np.uint8), np.full(CHARACTERS, END, np.uint8)])
def test_bad_tables_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="classes below 255"):
        class_table(bad)
