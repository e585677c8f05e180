"""The language stage: columns, verdicts, and what it says of bad settings."""

from pathlib import Path

import pyarrow as pa
import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.language import LanguageConfig, LanguageStage
from dspipe.stages.shared.fasttext_models import find_model


def stage(**settings: object) -> LanguageStage:
    return LanguageStage("language", LanguageConfig.model_validate(settings))


def documents(*texts: str) -> pa.RecordBatch:
    return pa.record_batch(
        {
            "id": pa.array([str(number) for number in range(len(texts))]),
            "language": pa.nulls(len(texts), pa.string()),
            "text": pa.array(texts, pa.large_string()),
        }
    )


ENGLISH = "The committee will meet again next week to discuss the report.\nEverybody is invited."
CHINESE = "委员会下周将再次开会讨论该报告。欢迎大家参加会议。"
GERMAN = "Der Ausschuss wird sich nächste Woche erneut treffen, um den Bericht zu besprechen."


def test_columns() -> None:
    measured = stage().measure(documents(ENGLISH, CHINESE, GERMAN, ""))
    assert measured.column("language").to_pylist()[:3] == ["en", "zh", "de"]
    assert measured.schema.field("language_score").type == pa.float32()
    assert all(score > 0.8 for score in measured.column("language_score").to_pylist()[:3])
    assert measured.column_names.count("language") == 1
    assert stage().measure(documents()).num_rows == 0


def test_null_where_the_model_knows_no_feature(tmp_path: Path) -> None:
    import fasttext

    train, model = tmp_path / "train.txt", tmp_path / "m.bin"
    # minCount keeps the end-of-sentence token, which is counted once a line, out of the dictionary
    train.write_text(f"__label__eng_Latn {'word ' * 9}\n__label__deu_Latn {'wort ' * 9}\n" * 50)
    options = {"minn": 0, "maxn": 0, "minCount": 200, "epoch": 9, "dim": 20, "thread": 11, "verbose": 0}
    fasttext.train_supervised(str(train), **options).save_model(str(model))
    measured = stage(model=str(model)).measure(documents("word", "unknown"))
    assert measured.column("language").to_pylist() == ["eng_Latn", None]
    assert measured.column("language_score").null_count == 1


@pytest.mark.parametrize(
    ("keep", "reasons"),
    [
        ({"en": 0.65, "zh": 0.65}, [None, "language.low_score", None, "language.not_kept", "language.not_kept"]),
        (["en", "de"], [None, None, "language.not_kept", None, "language.not_kept"]),
        ({}, ["language.not_kept"] * 5),
    ],
)
def test_verdicts(keep: object, reasons: list[str | None]) -> None:
    columns = pa.record_batch(
        {
            "language": pa.array(["en", "en", "zh", "de", None], pa.string()),
            "language_score": pa.array([0.9, 0.64, 0.65, 0.9, None], pa.float32()),
        }
    )
    assert stage(keep=keep).judge(columns).to_pylist() == reasons


def test_label_only_judges_nothing() -> None:
    assert not stage().judges
    assert stage(keep=["en"]).judges
    assert stage(keep=["en"]).judge_columns() == ("language", "language_score")


def test_settings_of_the_text_pass_leave_out_what_judging_needs() -> None:
    assert (
        stage(keep=["en"]).measure_settings()
        == stage(keep={"de": 0.1}, model=str(find_model("lid.176.ftz"))).measure_settings()
    )
    assert stage(prefix_bytes=0).measure_settings() != stage().measure_settings()


def test_bad_settings(tmp_path: Path) -> None:
    stage(keep={"en": 0.65}).check()
    with pytest.raises(ConfigError, match=r"no model file nowhere\.ftz") as error:
        stage(model="nowhere.ftz").check()
    assert error.value.key == ("model",)
    with pytest.raises(ConfigError, match="the model has no language english"):
        stage(keep=["english"]).check()
    cut = tmp_path / "cut.ftz"
    cut.write_bytes(find_model("lid.176.ftz").read_bytes()[:500_000])
    with pytest.raises(ConfigError, match="cut short"):
        stage(model=str(cut)).check()
    cut.write_text("not a model " * 20)
    with pytest.raises(ConfigError, match="not a fastText model"):
        stage(model=str(cut)).check()
