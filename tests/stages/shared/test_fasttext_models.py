"""fastText models by path or by the name of one that an installed package carries."""

from pathlib import Path

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.shared.fasttext_models import find_model, load_classifier


def test_models_by_name_and_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = find_model("lid.176.ftz")
    assert packaged.is_file() and packaged.name == "lid.176.ftz"
    own = tmp_path / "lid.176.ftz"
    own.write_bytes(b"")
    assert find_model(str(own)) == own
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_model("~/lid.176.ftz") == own
    monkeypatch.chdir(tmp_path)
    assert find_model("lid.176.ftz") == Path("lid.176.ftz")  # one that lies here goes before a package's


@pytest.mark.parametrize("model", ["nothing.bin", "/nowhere/lid.176.ftz", "sub/lid.176.ftz", ""])
def test_no_such_model(model: str) -> None:
    with pytest.raises(ConfigError, match=r"name a model file|no model file") as caught:
        find_model(model)
    assert caught.value.key == ("model",)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"no model")
    with pytest.raises(ConfigError, match=r"x\.bin"):
        load_classifier(tmp_path / "x.bin")
    with pytest.raises(ConfigError, match="No such file"):
        load_classifier(tmp_path / "y.bin")
