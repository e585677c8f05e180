"""Masking of personal data: what is masked, and what only looks like it."""

import time
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.pii.stage import KINDS, Config, Pii


def stage(**settings: Any) -> Pii:
    return Pii("pii", Config(**settings))


def measure(texts: list[str], **settings: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (
        stage(**settings).measure(pa.record_batch({"text": pa.array(texts, pa.large_string())})).to_pylist()
    )
    return rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to jane.doe+x@mail.example.org.", "Write to [EMAIL]."),
        ("邮箱：jubao@vip.sina.com，欢迎", "邮箱：[EMAIL]，欢迎"),
        ("<a@b.de>,c@d.fr;mailto:e@f.co.uk", "<[EMAIL]>,[EMAIL];mailto:[EMAIL]"),
        ("from 193.63.105.17:80 to 216.58.199.46/24", "from [IP]:80 to [IP]/24"),
        ("at 2a00:1450:4001:81b::200e now", "at [IP] now"),
        ("call +49 30 901820, or +1 (555) 234-5678!", "call [PHONE], or [PHONE]!"),
        ("(801) 596-1887 or 1-800-800-1504", "[PHONE] or [PHONE]"),
        (
            "身份证号11010519491231002X，卡号6222021234567890128，手机13812345678",
            "身份证号[ID]，卡号[CARD]，手机[PHONE]",
        ),
        ("a@b.de\n\n+4930901820", "[EMAIL]\n\n[PHONE]"),
    ],
)
def test_masked(text: str, expected: str) -> None:
    (row,) = measure([text])
    assert row["text"] == expected
    found = sum(row[f"pii.{kind}"] for kind in KINDS)
    assert found == sum(expected.count(mask) for mask in ("[EMAIL]", "[IP]", "[PHONE]", "[ID]", "[CARD]"))


@pytest.mark.parametrize(
    "text",
    [
        "@handle and user@host and a @ b.de",
        "see 2.1.4.1 and 3.6.2.3, version 0.11.3.1, 10.11.12.13.14",
        "127.0.0.1 192.168.0.1 10.20.30.40 255.255.255.0 300.20.30.40",
        "12:30:45 00:1a:2b:3c:4d:5e std::vector::iterator::type ::1",
        "born 1990-10-12, ISBN 978-3-16-148410-0, 3.14159265, 1234567890, $1,234,567.89",
        "5 + 3 = 8, +1, x+12345, 555-1234",
        "2024-03-01T00:00:00+01:00",
    ],
)
def test_left_alone(text: str) -> None:
    (row,) = measure([text])
    assert row == {"text": text} | {f"pii.{kind}": 0 for kind in KINDS}


def test_masks_can_be_set_and_turned_off() -> None:
    text = "a@b.de 193.63.105.17 11010519491231002X 4111-1111-1111-1111 4012888888881881 +4930901820"
    (row,) = measure([text], emails=r"<\1>", ips=None, phones="", identity_numbers=None, cards="#")
    assert row["text"] == r"<\1> 193.63.105.17 11010519491231002X 4111-1111-1111-1111 # "
    (row,) = measure([text], **dict.fromkeys(KINDS))
    assert row["text"] == text


def test_only_documents_of_the_domains_are_touched() -> None:
    batch = pa.record_batch({"text": pa.array(["a@b.de", "a@b.de"], pa.large_string()), "domain": ["web", "code"]})
    assert stage(domains=("web",)).measure(batch)["text"].to_pylist() == ["[EMAIL]", "a@b.de"]


@settings(max_examples=500, deadline=None)
@given(
    st.lists(
        st.lists(
            st.one_of(
                st.sampled_from(
                    [
                        "a@b.de",
                        "93.184.216.34",
                        "2001:4860::8844",
                        "+49 30 901820",
                        "(801) 596-1887",
                        "\n",
                        " ",
                        "1.",
                        "13812345678",
                        "138 1234 5678",
                        "(0512)12345678",
                        "11010519491231002X",
                        "4012 8888 8888 1881",
                        "378282246310005",
                        "3782 822463 10005",
                    ]
                ),
                st.text("aä1.:@+-() ", max_size=5),
            ),
            max_size=12,
        ).map("".join),
        max_size=4,
    )
)
def test_no_text_with_something_to_mask_is_passed_over(texts: list[str]) -> None:
    for text, row in zip(texts, measure(texts), strict=True):
        masked = [stage().mask(line) for line in text.split("\n")]
        assert row["text"] == "\n".join(line for line, _ in masked)
        assert [row[f"pii.{kind}"] for kind in KINDS] == [
            sum(found) for found in zip(*[f for _, f in masked], strict=True)
        ]


@pytest.mark.parametrize(
    "part",
    [
        "a",
        "a.",
        "1",
        "1.",
        "a@",
        "a@b.",
        "+1",
        "+1 ",
        ":a",
        "(555) ",
        "555-",
        "a@b",
        "1-",
        "@b-",
        "+49 ",
        "1381234",
        "1 ",
        "a@b.c://",
        "0-",
    ],
)
def test_long_lines_take_linear_time(part: str) -> None:
    start = time.process_time()
    measure([part * (1_000_000 // len(part)) + "@a +1"])
    assert time.process_time() - start < 10
