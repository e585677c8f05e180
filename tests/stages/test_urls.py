"""The URL stage: lists on disk, verdicts, the shared table, bad settings."""

from pathlib import Path

import pyarrow as pa
import pytest

from dspipe.kernels.jit import cache_folder
from dspipe.pipeline.errors import ConfigError
from dspipe.stages.urls import UrlsConfig, UrlsStage


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def ut1(tmp_path: Path) -> Path:
    for category, name, lines in [
        ("adult", "domains", "bad.com\nworse.org\n"),
        ("adult", "urls", "blog.net/~bad\n"),
        ("adult", "expressions", "(not|read)\n"),
        ("games", "domains", "play.io\n"),
    ]:
        (tmp_path / "ut1" / category).mkdir(parents=True, exist_ok=True)
        (tmp_path / "ut1" / category / name).write_text(lines)
    return tmp_path / "ut1"


def stage(**settings: object) -> UrlsStage:
    return UrlsStage("urls", UrlsConfig.model_validate(settings))


URLS = ["http://www.bad.com/a", "http://blog.net/~bad/x", "http://play.io/casino", "http://fine.org/", None]


def reasons(stage: UrlsStage) -> list[str | None]:
    stage.check()
    batch = stage.measure(pa.record_batch({"url": pa.array(URLS, pa.string())}))
    verdict: list[str | None] = stage.judge(batch.select(stage.judge_columns())).to_pylist()
    return verdict


def test_folders_files_and_words(ut1: Path) -> None:
    everything = ["urls.blocked_domain", "urls.blocked_url", "urls.blocked_domain", None, None]
    assert reasons(stage(block=[str(ut1)])) == everything
    adult = stage(block=str(ut1 / "adult"), words=["Casino"])
    assert reasons(adult) == ["urls.blocked_domain", "urls.blocked_url", "urls.blocked_word", None, None]
    mixed = ut1.parent / "mixed.txt"
    mixed.write_text("bad.com\nblog.net/~bad\n")
    assert reasons(stage(block=[str(mixed)])) == ["urls.blocked_domain", "urls.blocked_url", None, None, None]


def test_several_soft_words_and_strings_anywhere(tmp_path: Path) -> None:
    urls = [
        "http://a.org/live-Cam/girls?cam=1",  # two different soft words
        "http://a.org/cam/cam/CAM",  # one
        "http://a.org/Bad-S.ub/x",
        "http://cam.girls.org/badsub",  # of several kinds the first counts
        "http://fine.org/webcam/girlsschool",
        None,
    ]

    def blocked(**settings: object) -> list[str | None]:
        one = stage(**settings)
        one.check()
        batch = one.measure(pa.record_batch({"url": pa.array(urls, pa.string())}))
        found: list[str | None] = batch["urls.blocked"].to_pylist()
        return found

    inline = blocked(soft_words=["cam", "Girls"], substrings=["bad-sub"])
    assert inline == ["soft_words", None, "substring", "soft_words", None, None]
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "soft_words.txt").write_text("cam\n# no word\n\ngirls\n")
    (tmp_path / "lists" / "substrings").write_text("bad-sub\n")
    assert blocked(block=str(tmp_path / "lists")) == inline
    assert blocked(block=str(tmp_path / "lists"), soft_least=1)[1] == "soft_words"
    assert stage(soft_words="cam").measure_settings() != stage(words="cam").measure_settings()


def test_the_table_is_built_once_and_follows_the_lists(ut1: Path) -> None:
    reasons(stage(block=[str(ut1)]))
    (built,) = (cache_folder() / "tables").iterdir()
    when = built.stat().st_mtime_ns
    before = stage(block=[str(ut1)]).measure_settings()
    assert reasons(stage(block=[str(ut1)]))[3] is None
    assert built.stat().st_mtime_ns == when
    (ut1 / "games" / "domains").write_text("fine.org\n")
    changed = stage(block=[str(ut1)])
    assert changed.measure_settings() != before
    assert reasons(changed) == ["urls.blocked_domain", "urls.blocked_url", None, "urls.blocked_domain", None]


def test_empty_batches(ut1: Path) -> None:
    assert stage(block=[str(ut1)]).measure(pa.record_batch({"url": pa.array([], pa.string())})).num_rows == 0


def test_bad_settings(tmp_path: Path) -> None:
    for settings, message in [
        ({}, "nothing to block"),
        ({"words": ["two words"]}, "not a word"),
        ({"soft_words": ["two words"]}, "not a word"),
        ({"substrings": ["--"]}, "no ASCII letter or digit"),
        ({"block": ["${DSPIPE_NOT_SET}/x"]}, "there is no environment variable DSPIPE_NOT_SET"),
        ({"block": [str(tmp_path / "absent")]}, "no such file"),
        ({"block": [str(tmp_path)]}, "no file named domains"),
    ]:
        with pytest.raises(ConfigError, match=message):
            stage(**settings).check()
