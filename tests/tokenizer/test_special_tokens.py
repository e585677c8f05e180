import pytest

from dspipe.stages.pack.tokenizer_json import BEGIN, END, FIM_SENTINELS, PAD
from dspipe.tokenizer.special_tokens import DEEPSEEK, PLAIN, SETS, SpecialNames, make_chat_template, name_special_tokens


@pytest.mark.parametrize("names", SETS)
def test_packing_finds_begin_end_padding_and_sentinels(names: SpecialNames) -> None:
    begin, end, padding, *sentinels = name_special_tokens(6, names)
    assert begin in BEGIN and end in END and padding in PAD
    assert all(name in known for name, known in zip(sentinels, FIM_SENTINELS, strict=True))
    assert name_special_tokens(15, names) == SETS[names] and len(set(SETS[names])) == 15


def test_names_that_packing_tries_first_are_no_others_of_a_set() -> None:
    for kinds in (END, BEGIN, PAD):
        for known in SETS.values():
            assert len(set(kinds) & set(known)) == 1


@pytest.mark.parametrize("names", SETS)
def test_a_chat_template_has_the_sets_own_tokens(names: SpecialNames) -> None:
    template = make_chat_template(SETS[names])
    assert template is not None and SETS[names][7] in template and SETS[names][14] in template
    assert make_chat_template(SETS[names][:14]) is None


def test_plain_names_are_ascii() -> None:
    assert "".join(PLAIN).isascii() and name_special_tokens(16, "plain")[15] == "<|reserved_0|>"


def test_more_are_reserved() -> None:
    names = name_special_tokens(17)
    assert names[:15] == DEEPSEEK and names[15:] == ("<｜reserved▁0｜>", "<｜reserved▁1｜>")


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
