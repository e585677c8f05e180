"""Conditions on columns against plain Python, and against DuckDB where it is installed."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.pipeline.condition import ConditionError, parse_condition

ROWS = pa.RecordBatch.from_pydict(
    {
        "language": ["zh", "en", None],
        "a.words": [5, 50, 500],
        "score": [0.1, None, 0.9],
        "single": pa.array([0.65, 0.7, None], pa.float32()),
        "count": pa.array([3, 0, None], pa.uint32()),
        "origin": pa.array([2**64 - 1, 1, 2**63], pa.uint64()),
        "url": ["http://x/1", "y", None],
        "list": [[1], [], None],
    }
)
TYPES = {field.name: field.type for field in ROWS.schema}


@pytest.mark.parametrize(
    ("condition", "chosen"),
    [
        ("language = 'zh'", [True, False, False]),
        ("not language = 'zh'", [False, True, False]),
        ("language <> 'zh' or language is null", [False, True, True]),
        ("a.words between 50 and 500 or score < 0.5", [True, True, True]),
        ("language in ('zh', 'de') and a.words + 1 = 6", [True, False, False]),
        ("language not in ('zh', null)", [False, False, False]),
        ("score is null", [False, True, False]),
        ("score is not null and (score > 0.5) is not true", [True, False, False]),
        ("url like 'http%' or length(language) = 2 and lower(url) = 'y'", [True, True, False]),
        ("url ilike 'HTTP%'", [True, False, False]),
        ("regexp_matches(url, '[0-9]$')", [True, False, False]),
        ('"a.words" / 100 > 0.4 and -score < 0', [False, False, True]),
        ("single < 0.65 or single > 0.65", [False, True, False]),
        ("single in (0.65)", [True, False, False]),
        ("count - 5 < 0 and -count <= 0", [True, True, False]),
        ("a.words / count > 20", [False, True, False]),
        ("origin = 18446744073709551615", [True, False, False]),
        ("a.words > 99999999999999999999999", [False, False, False]),
        ("list is null", [False, False, True]),
        ("null", [False, False, False]),
        ("true;", [True, True, True]),
        ("a.words = 5 -- a remark", [True, False, False]),
    ],
)
def test_chosen_rows(condition: str, chosen: list[bool]) -> None:
    assert parse_condition(condition, TYPES).mask(ROWS).to_pylist() == chosen


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("langage = 'zh'", "did you mean language?"),
        ('language = "zh"', "text stands in single quotes"),
        ("language > 3", "language is text, 3 is a number: they can't be compared"),
        ("a.words in ('x')", "a.words is a number, 'x' is text"),
        ("score = true", "score is a number, TRUE is true or false"),
        ("language + 1 = 2", "language is text, where a number is needed"),
        ("language and true", "language is text, where true or false is needed"),
        ("a.words like '5%'", "a.words is a number, where text is needed"),
        ("list = 1", "list is a list, 1 is a number"),
        ("language", "is no condition: it is text, neither true nor false"),
        ("score =", "isn't a condition"),
        ("", "is empty"),
        ("score > 1; drop table x", "more than one statement"),
        ("language in (select 'zh')", "`in` takes values in brackets"),
        ("read_csv('/etc/passwd') is null", "isn't understood"),
        ("regexp_matches(url, '[')", "'[' is no regular expression of RE2"),
        ("regexp_matches(url, 'x', 'i')", "options aren't understood"),
        ("(" * 5000, "nested too deeply"),
        ("exists(select 1)", "isn't understood"),
    ],
)
def test_mistakes_are_sentences(condition: str, said: str) -> None:
    with pytest.raises(ConditionError) as raised:
        parse_condition(condition, TYPES)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_sum_that_is_too_large_is_a_sentence() -> None:
    condition = parse_condition("a.words * 9223372036854775807 > 1", TYPES)
    with pytest.raises(ConditionError, match="overflow"):
        condition.mask(ROWS)


# conditions made by chance, each with the same in plain Python: null is None, and three-valued logic is spelled out

Row = dict[str, Any]
Made = tuple[str, Callable[[Row], Any]]


def compared(sign: str, one: Made, other: Made) -> Made:
    python = {"=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt}
    compare = python.get(sign, operator.ge)

    def value(row: Row) -> bool | None:
        left, right = one[1](row), other[1](row)
        return None if left is None or right is None else bool(compare(left, right))

    return f"{one[0]} {sign} {other[0]}", value


def computed(sign: str, one: Made, other: Made) -> Made:
    def value(row: Row) -> float | None:
        left, right = one[1](row), other[1](row)
        if left is None or right is None:
            return None
        return float({"+": left + right, "-": left - right, "*": left * right}[sign])

    return f"({one[0]} {sign} {other[0]})", value


def joined(word: str, one: Made, other: Made) -> Made:
    decides = word == "or"

    def value(row: Row) -> bool | None:
        sides = one[1](row), other[1](row)
        return decides if decides in sides else None if None in sides else not decides

    return f"({one[0]} {word} {other[0]})", value


def negated(one: Made) -> Made:
    def value(row: Row) -> bool | None:
        found = one[1](row)
        return None if found is None else not found

    return f"not ({one[0]})", value


def chosen_from(one: Made, choices: list[Made]) -> Made:
    def value(row: Row) -> bool | None:
        left = one[1](row)
        rights = [choice[1](row) for choice in choices]
        return None if left is None else True if left in rights else None if None in rights else False

    return f"{one[0]} in ({', '.join(choice[0] for choice in choices)})", value


def is_null(one: Made) -> Made:
    return f"{one[0]} is null", lambda row: one[1](row) is None


def column(name: str) -> Made:
    return name, lambda row: row[name]


def literal(value: int | float | str | None) -> Made:
    text = "null" if value is None else f"'{value}'" if isinstance(value, str) else str(value)
    return (f"({text})" if text.startswith("-") else text), lambda row: value


WORDS = st.sampled_from(["zh", "en", "de", ""])
NUMBERS = st.recursive(
    st.sampled_from(["a.n", "x"]).map(column) | st.sampled_from([-2, 0, 1, 3, 0.5, 2.25, None]).map(literal),
    lambda inner: st.builds(computed, st.sampled_from("+-*"), inner, inner),
    max_leaves=3,
)
TEXTS = st.just(column("w")) | WORDS.map(literal) | st.just(literal(None))
SIGNS = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
ATOMS = (
    st.builds(compared, SIGNS, NUMBERS, NUMBERS)
    | st.builds(compared, SIGNS, TEXTS, TEXTS)
    | st.builds(chosen_from, TEXTS, st.lists(TEXTS, min_size=1, max_size=3))
    | st.builds(chosen_from, NUMBERS, st.lists(NUMBERS, min_size=1, max_size=3))
    | st.builds(is_null, NUMBERS | TEXTS)
)
CONDITIONS = st.recursive(
    ATOMS, lambda inner: st.builds(joined, st.sampled_from(["and", "or"]), inner, inner) | st.builds(negated, inner)
)
MADE_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "a.n": st.none() | st.integers(-3, 3),
            "x": st.none() | st.sampled_from([-1.5, 0.0, 0.5, 2.25]),
            "w": st.none() | WORDS,
        }
    ),
    min_size=1,
    max_size=8,
)
SCHEMA = pa.schema({"a.n": pa.int32(), "x": pa.float64(), "w": pa.string()})


@settings(max_examples=150, deadline=None)
@given(CONDITIONS, MADE_ROWS)
def test_conditions_are_what_plain_python_says(made: Made, rows: list[Row]) -> None:
    text, value = made
    batch = pa.RecordBatch.from_pylist(rows, SCHEMA)
    assert parse_condition(text, dict(zip(SCHEMA.names, SCHEMA.types, strict=True))).mask(batch).to_pylist() == [
        value(row) is True for row in rows
    ]


@settings(max_examples=40, deadline=None)
@given(CONDITIONS, MADE_ROWS)
def test_conditions_are_what_duckdb_says(made: Made, rows: list[Row]) -> None:
    duckdb = pytest.importorskip("duckdb")
    text, batch = made[0].replace("a.n", '"a.n"'), pa.RecordBatch.from_pylist(rows, SCHEMA)
    numbered = pa.Table.from_batches([batch]).append_column("row", pa.array(np.arange(len(rows))))
    with duckdb.connect() as connection:
        connection.register("t", numbered)
        expected = [row for (row,) in connection.execute(f"select row from t where {text} order by row").fetchall()]
    mask = parse_condition(text, dict(zip(SCHEMA.names, SCHEMA.types, strict=True))).mask(batch)
    assert np.flatnonzero(mask.to_numpy(zero_copy_only=False)).tolist() == expected
