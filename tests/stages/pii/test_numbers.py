"""Identity numbers and card numbers: their check digits, and how seldom other numbers have them."""

import random

import pytest

from dspipe.stages.pii.numbers import has_identity_digit, has_luhn_digit, mask_cards, mask_identity_numbers


@pytest.mark.parametrize("number", ["11010519491231002X", "11010519491231002x", "440524198001010013"])
def test_identity_numbers(number: str) -> None:
    assert has_identity_digit(number)
    assert mask_identity_numbers(f"证件{number}，{number}", "#") == ("证件#，#", 2)


@pytest.mark.parametrize(
    "number",
    [
        "110105194912310021", "11010519491331002X", "99010519491231002X", "111010519491231002X", "1.11010519491231002X",
        "11010519491231002X.5", "a11010519491231002X", "110105491231002",
    ],
)  # fmt: skip
def test_other_numbers_of_18_digits(number: str) -> None:
    assert mask_identity_numbers(number, "#") == (number, 0)


def test_old_identity_numbers_are_found_by_their_name() -> None:
    assert mask_identity_numbers("身份证号：110105491231002", "#") == ("身份证号：#", 1)
    assert mask_identity_numbers("身份证号：110105491331002", "#")[1] == 0


@pytest.mark.parametrize(
    "number",
    [
        "4000056655665556", "4012888888881881", "4012 8888 8888 1881",
        "4012-8888-8888-1881", "5555341244441115", "2223003122003222", "378282246310005", "3782 822463 10005",
        "6011000990139424", "3530111333300000", "30569309025904", "6222021234567890128",
    ],
)  # fmt: skip
def test_cards(number: str) -> None:
    assert has_luhn_digit("".join(filter(str.isdigit, number)))
    assert mask_cards(f"卡号{number}，", "#") == ("卡号#，", 1)


@pytest.mark.parametrize(
    "text",
    [
        "4012888888881882", "4111111111111111", "4012 8888-8888 1881", "0.4012888888881881", "4012888888881881.5",
        "x4012888888881881", "40128888888818810", "9012888888881885", "1234567890123452", "4611686018427387904",
    ],
)  # fmt: skip
def test_other_long_numbers(text: str) -> None:
    assert mask_cards(text, "#") == (text, 0)


def test_random_numbers_are_seldom_masked() -> None:
    """One in 4,000 of 18 digits is an identity number by chance, one in 40 of 16 digits a card."""
    draw = random.Random(1)
    text = " ".join(str(draw.randrange(10**17, 10**18)) for _ in range(100_000))
    assert mask_identity_numbers(text, "#")[1] < 25
    text = " ".join(str(draw.randrange(10**15, 10**16)) for _ in range(100_000))
    assert mask_cards(text, "#")[1] < 2700
