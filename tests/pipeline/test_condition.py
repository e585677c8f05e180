"""Conditions on columns against plain Python."""

import pyarrow as pa
import pytest

from dspipe.pipeline.condition import ConditionError, parse_condition

ROWS = pa.RecordBatch.from_pydict(
    {
        "language": ["zh", "en", None],
        "a.words": [5, 50, 500],
        "score": [0.1, None, 0.9],
        "url": ["http://x/1", "y", None],
    }
)
TYPES = {field.name: field.type for field in ROWS.schema}


@pytest.mark.parametrize(
    ("condition", "chosen"),
    [
        ("language = 'zh'", [True, False, False]),
        ("not language = 'zh'", [False, True, False]),
        ("a.words between 50 and 500 or score < 0.5", [True, True, True]),
        ("language in ('zh', 'de') and a.words + 1 = 6", [True, False, False]),
        ("score is null", [False, True, False]),
        ("url like 'http%' or length(language) = 2 and lower(url) = 'y'", [True, True, False]),
        ("regexp_matches(url, '[0-9]$')", [True, False, False]),
        ('"a.words" / 100 > 0.4 and -score < 0', [False, False, True]),
        ("null", [False, False, False]),
    ],
)
def test_chosen_rows(condition: str, chosen: list[bool]) -> None:
    assert parse_condition(condition, TYPES).mask(ROWS).to_pylist() == chosen


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("langage = 'zh'", "did you mean language?"),
        ("language > 3", "can't be compared"),
        ("language", "neither true nor false"),
        ("score =", "isn't a condition"),
        ("read_csv('/etc/passwd') is null", "isn't understood"),
        ("(" * 5000, "nested too deeply"),
        ("exists(select 1)", "isn't understood"),
    ],
)
def test_mistakes_are_sentences(condition: str, said: str) -> None:
    with pytest.raises(ConditionError, match=said):
        parse_condition(condition, TYPES)
