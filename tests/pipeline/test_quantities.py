"""Numbers as people write them, and as people read them."""

import pytest
from pydantic import TypeAdapter, ValidationError

from dspipe.pipeline.quantities import (
    ByteSize,
    Count,
    count_of,
    human_bytes,
    human_number,
    human_seconds,
    parse_count,
    parse_seconds,
    parse_size,
)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("24e9", 24 * 10**9),
        (2e12, 2 * 10**12),
        ("2B", 2 * 10**9),
        ("64K", 64_000),
        ("1.5 M", 1_500_000),
        ("7", 7),
        (3, 3),
    ],
)
def test_counts(written: object, value: int) -> None:
    assert parse_count(written) == value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("24e9", 24 * 10**9),
        ("64MB", 64 * 10**6),
        ("64M", 64 * 10**6),
        ("2GiB", 2**31),
        ("2Gi", 2**31),
        ("1.5 kB", 1500),
        (3, 3),
    ],
)
def test_sizes(written: object, value: int) -> None:
    assert parse_size(written) == value


@pytest.mark.parametrize("written", ["many", "-3", "3 apples", "2GB", "2GiB"])
def test_what_is_no_count_is_said(written: str) -> None:
    with pytest.raises(ValueError, match=f"expected a number like 4096, 2e9 or 2B .* not '{written}'"):
        parse_count(written)


@pytest.mark.parametrize(("written", "said"), [("much", "a size like 64MB"), ("2B", "2GB or 2GiB"), ("2BB", "64MB")])
def test_what_is_no_size_is_said(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_size(written)


@pytest.mark.parametrize("value", [1.5, "1.5", None, [1]])
def test_other_values_are_left_for_pydantic(value: object) -> None:
    assert not isinstance(parse_count(value), int)
    assert not isinstance(parse_size(value), int)


@pytest.mark.parametrize("written", [3, "64MB", "2GiB", "24e9", "1.5 kB", "2B", "many", "2 GB"])
def test_the_schema_takes_what_is_taken(written: int | str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    for kind in (Count, ByteSize):
        adapter = TypeAdapter(kind)
        valid = jsonschema.Draft202012Validator(adapter.json_schema()).is_valid(written)
        try:
            adapter.validate_python(written)
        except ValidationError:
            assert not valid
        else:
            assert valid


@pytest.mark.parametrize(("text", "value"), [(90, 90), ("90s", 90), ("30min", 1800), ("1.5 h", 5400), ("7", 7)])
def test_times(text: object, value: float) -> None:
    assert parse_seconds(text) == value


@pytest.mark.parametrize("text", ["soon", "-3s", "3 days", ""])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time like 90s, 30min or 2h, not "):
        parse_seconds(text)


def test_for_people() -> None:
    assert [human_bytes(n) for n in (0, 999, 1536, 2.5e6, 3e15)] == ["0 B", "999 B", "1.5 kB", "2.5 MB", "3,000.0 TB"]
    assert [human_seconds(s) for s in (1.25, 42, 192, 7500)] == ["1.2s", "42s", "3m12s", "2h05m"]


def test_counts_of_things() -> None:
    assert [count_of(number, "worker") for number in (0, 1, 4096)] == ["0 workers", "1 worker", "4,096 workers"]


def test_numbers_of_any_size_are_short() -> None:
    found = [human_number(n) for n in (0.0, 0.003214, 43.0, 9999.4, 12345.6, -5e14, -1e300, float("inf"))]
    assert found == ["0", "0.003214", "43", "9999", "12,346", "-500,000,000,000,000", "-1e+300", "inf"]
