"""Bytes as characters."""

import pytest
from tokenizers import pre_tokenizers

from dspipe.tokenizer.byte_alphabet import CHARACTER_OF, ID_OF, to_bytes, to_text

pytestmark = pytest.mark.filterwarnings("ignore:overflow")


def test_the_byte_alphabet_is_the_librarys() -> None:
    assert sorted(CHARACTER_OF) == sorted(pre_tokenizers.ByteLevel.alphabet())
    assert sorted(ID_OF) == list(range(256))
    assert to_bytes(to_text(bytes(range(256)))) == bytes(range(256))
