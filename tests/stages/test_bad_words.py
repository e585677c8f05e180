"""Words of a list in texts, against plain regular expressions, and lists that are no good."""

import re
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.bad_words import BadWordsConfig, BadWordsStage


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lists")
    (folder / "en").write_text("# words\nbad\nvery bad\nb.d\n\nnaïf\n")
    (folder / "zh").write_text("坏\n")
    return folder


def stage(path: object, **settings: object) -> BadWordsStage:
    return BadWordsStage("bad_words", BadWordsConfig.model_validate({"list": path, **settings}))


def batch(texts: list[str], languages: list[str | None]) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.large_string()), "language": pa.array(languages, pa.string())})


def test_words_in_any_case_between_others(lists: Path) -> None:
    texts = [
        "A BAD one",
        "badly, bed, abad, bad_x, ébad",
        "b.d!",
        "(Very bad)",
        "Naïf.",
        "bad",
        "bad bad x bad",
        "好坏",
    ]
    one = stage(str(lists / "{language}"), at_most=1)
    one.check()
    found = one.measure(batch([*texts, "bad", "bad"], [*["en"] * 7, "zh", "fr", None]))
    assert found["bad_words.found"].to_pylist() == [1, 0, 1, 1, 1, 1, 3, 1, None, None]
    assert [verdict for verdict in one.judge(found).to_pylist() if verdict] == ["bad_words.too_many"]
    (threshold,) = one.thresholds()
    assert (threshold.column, threshold.value) == ("bad_words.found", 1)


@given(st.text(alphabet="bad .B_坏é\n", max_size=30))
def test_as_pythons_own_expressions_say(lists: Path, text: str) -> None:
    found = stage({"en": str(lists / "en")}).measure(batch([text], ["en"]))["bad_words.found"][0].as_py()
    assert (found > 0) == bool(re.search(r"(?:\W|^)(?:bad|very bad|b\.d|naïf)(?:\W|$)", text.lower()))


def test_bad_lists(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("# nothing\n")
    (tmp_path / "large").write_bytes(b"word\n" * 300_000)
    for path, message in [
        (str(tmp_path / "{language}.txt"), "no such file: "),
        (str(tmp_path / "empty"), "a path has {language} in it once"),
        ({"en": str(tmp_path / "empty")}, "has no word"),
        ({"en": str(tmp_path / "large")}, "larger than"),
        ({"en": "${DSPIPE_NOT_SET}/en"}, "there is no environment variable DSPIPE_NOT_SET"),
    ]:
        with pytest.raises(ConfigError, match=re.escape(message)):
            stage(path).check()
