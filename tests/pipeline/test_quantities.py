"""Numbers as people write them, and as people read them."""

import pytest

from dspipe.pipeline.quantities import human_bytes, human_seconds, parse_count, parse_seconds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("24e9", 24 * 10**9),
        (2e12, 2 * 10**12),
        ("64MB", 64 * 10**6),
        ("2GiB", 2**31),
        ("1.5 kB", 1500),
        ("7", 7),
        (3, 3),
    ],
)
def test_counts(text: object, value: int) -> None:
    assert parse_count(text) == value


@pytest.mark.parametrize(("text", "value"), [(90, 90), ("90s", 90), ("30min", 1800), ("1.5 h", 5400), ("7", 7)])
def test_times(text: object, value: float) -> None:
    assert parse_seconds(text) == value


@pytest.mark.parametrize("text", ["soon", "-3s", "3 days", ""])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time like 90s, 30min or 2h, not "):
        parse_seconds(text)


@pytest.mark.parametrize("text", ["many", "-3", "1.5", "3 apples", None, [1]])
def test_what_is_no_count_is_left_for_pydantic(text: object) -> None:
    assert not isinstance(parse_count(text), int)


def test_for_people() -> None:
    assert [human_bytes(n) for n in (0, 999, 1536, 2.5e6, 3e15)] == ["0 B", "999 B", "1.5 kB", "2.5 MB", "3,000.0 TB"]
    assert [human_seconds(s) for s in (1.25, 42, 192, 7500)] == ["1.2s", "42s", "3m12s", "2h05m"]
