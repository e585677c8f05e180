import pytest

from dspipe.tokenizer.special_tokens import BEGIN, CHAT_TOKENS, DEFAULT, END, PADDING, name_special_tokens


def test_begin_end_and_padding_come_first() -> None:
    assert name_special_tokens(3) == (BEGIN, END, PADDING)
    assert name_special_tokens(15) == DEFAULT and len(DEFAULT) == len(set(DEFAULT)) == 15
    assert set(DEFAULT) >= CHAT_TOKENS


def test_more_are_reserved() -> None:
    names = name_special_tokens(17)
    assert names[:15] == DEFAULT and names[15:] == ("<｜reserved▁0｜>", "<｜reserved▁1｜>")


def test_names_that_are_given() -> None:
    assert name_special_tokens(("<s>", "</s>", "<pad>", "<x>")) == ("<s>", "</s>", "<pad>", "<x>")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (2, "2 special tokens: at least begin, end and padding"),
        (-1, "0 special tokens"),
        (10**12, "1,000,000,000,000 special tokens: at most 65,536"),
        (("<s>", "</s>"), "at least begin, end and padding"),
        (("<s>", "", "<pad>"), "a special token is empty"),
        (("<s>", "<s>", "<pad>", "<pad>"), "collide: <pad>, <s>"),
    ],
)
def test_what_cannot_be(wanted: int | tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        name_special_tokens(wanted)
