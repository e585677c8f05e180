"""trafilatura's text, where it is installed, and what is said where it isn't."""

import importlib.util
from typing import Any

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.extract import trafilatura_engine
from dspipe.stages.extract.trafilatura_engine import extract_with_trafilatura, require_trafilatura

PAGE = "<html><body><article><h2>Part</h2><p>" + "Words of an article that is long enough. " * 20 + "</p></article>"


def test_text_and_markdown() -> None:
    pytest.importorskip("trafilatura", reason="trafilatura isn't installed")
    assert "Words of an article" in extract_with_trafilatura(PAGE, False)
    assert "## Part" in extract_with_trafilatura(PAGE, True)


def test_pages_that_it_would_not_end_on_are_refused() -> None:
    with pytest.raises(ValueError, match="nested more than 1,000 deep"):
        extract_with_trafilatura("<div>" * 2000 + "x", False)


def test_without_the_package_a_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def find(name: str, *rest: Any) -> Any:
        return None if name == "trafilatura" else found(name, *rest)

    monkeypatch.setattr(trafilatura_engine, "find_spec", find)
    with pytest.raises(ConfigError, match=r"pip install 'dspipe\[trafilatura\]'"):
        require_trafilatura("engine")
