import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.bpe.whole import find_whole, raw_whole, whole_tokens
from dspipe.kernels.jit import entry, pointer


@entry()
def find(text, start, n, table):  # type: ignore[no-untyped-def]
    return find_whole(pointer(text), start, n, raw_whole(table))


PIECES = st.binary(min_size=1, max_size=12) | st.sampled_from([b"a", b"aa", b"ab", "字".encode(), b"x" * 300])


@given(st.lists(PIECES, unique=True, max_size=40), st.lists(PIECES, min_size=1, max_size=20))
def test_the_tokens_are_found_and_no_others(tokens: list[bytes], asked: list[bytes]) -> None:
    ids = {token: 7 * number for number, token in enumerate(tokens)}
    table = whole_tokens({number: token for token, number in ids.items()})
    for piece in [*tokens, *asked]:
        text = np.frombuffer(b"!" + piece + b"!", np.uint8)
        assert find(text, 1, len(piece), table) == ids.get(piece, -1)
