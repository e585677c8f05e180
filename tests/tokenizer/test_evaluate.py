"""How well tokenizers compress, and words by script."""

from pathlib import Path

from typer.testing import CliRunner

RUN = CliRunner()


def test_words_are_counted_by_script(tmp_path: Path) -> None:
    from dspipe.tokenizer.evaluate import evaluate_all

    (tmp_path / "a.txt").write_text("naïve words, 中文 हिन्दी 123!", "utf-8")
    assert evaluate_all({}, [tmp_path / "a.txt"])["all"]["words"] == 6
