import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup import text_hash
from dspipe.kernels.dedup.text_hash import text_hashes


def hashes(texts: list[str]) -> list[tuple[int, int]]:
    return [(int(low), int(high)) for low, high in text_hashes(*text_buffers(pa.array(texts, pa.large_string())))]


def normalized(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())


BLANKS = " \t\n\r\v\f\0\x1c\x1f\x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000"
TEXT = st.text(
    st.one_of(st.sampled_from(BLANKS + "ab.é一\u200b\u2010\u3001\u1681"), st.characters(exclude_categories=["Cs"]))
)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXT, min_size=2, max_size=8))
def test_equal_exactly_where_the_normalized_texts_are(texts: list[str]) -> None:
    texts = texts + [normalized(text) for text in texts] + [f"\n{texts[0]}\u3000"]
    plain = [normalized(text) for text in texts]
    for one, first in zip(hashes(texts), plain, strict=True):
        for other, second in zip(hashes(texts), plain, strict=True):
            assert (one == other) == (first == second)


def test_long_texts_cross_blocks() -> None:
    size = text_hash._BLOCK_BYTES
    texts = ["x" * n for n in range(size - 3, size + 4)] + ["x" * size + "y", "x" * size + " y", "y" * 2 * size]
    texts += ["x " * size, "x  " * size, "x " * (size - 1) + "z"]
    assert len(set(hashes(texts))) == len(texts) - 1
    assert hashes(["x " * size]) == hashes(["\tx\n" * size])


def test_every_bit_of_the_text_reaches_every_bit_of_the_hash() -> None:
    base = bytearray(b"The quick brown fox jumps over the lazy dog.")
    texts = [bytes(base).decode()]
    for index in range(len(base)):
        changed = bytearray(base)
        changed[index] = changed[index] ^ 1 if changed[index] > 33 else ord("_")
        texts.append(changed.decode())
    found = np.array(hashes(texts), np.uint64)
    flips = np.unpackbits((found[1:] ^ found[0]).view(np.uint8), axis=1).mean(axis=0)
    assert abs(flips.mean() - 0.5) < 0.03
    assert flips.min() > 0.1 and flips.max() < 0.9


def test_hashes_stay_as_they_are() -> None:
    assert hashes(["", "Hello, world"]) == PINNED


def test_nulls_and_no_rows() -> None:
    data, offsets = text_buffers(pa.array([None, "", "a"], pa.large_string()))
    found = text_hashes(data, offsets)
    assert (found[0] == found[1]).all() and (found[1] != found[2]).all()
    assert text_hashes(*text_buffers(pa.array([], pa.large_string()))).shape == (0, 2)


PINNED = [(17460954717452651534, 3770515840385304604), (15761323398775076577, 14367132923914475353)]
