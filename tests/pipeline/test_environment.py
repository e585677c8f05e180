"""Variables in paths: known ones are replaced, others stay and are named where the file is missed."""

import pytest
from pydantic import TypeAdapter

from dspipe.pipeline.environment import FilePath, expand_known, no_such, unknown_variable


def test_known_variables_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSPIPE_FOLDER", "/data")
    monkeypatch.delenv("DSPIPE_NOT_SET", raising=False)
    assert expand_known("${DSPIPE_FOLDER}/a-$DSPIPE_FOLDER.bin") == "/data/a-/data.bin"
    assert expand_known("${DSPIPE_NOT_SET}/{language}.bin") == "${DSPIPE_NOT_SET}/{language}.bin"
    assert expand_known("${SITE_PACKAGES}").endswith("site-packages")
    assert TypeAdapter(FilePath).validate_python("$DSPIPE_FOLDER/x") == "/data/x"


def test_an_unknown_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DSPIPE_NOT_SET", raising=False)
    assert unknown_variable("/plain/$5") == "5"
    assert unknown_variable("/plain") is None
    assert no_such("file", "x") == "no file x"
    assert no_such("file", "$DSPIPE_NOT_SET/x").endswith("x: there is no environment variable DSPIPE_NOT_SET")
