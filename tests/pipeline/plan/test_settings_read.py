"""Which settings a stage's `measure_settings` has looked at, however it looked."""

from typing import Annotated, Any

import pytest

from dspipe.pipeline.errors import SettingNotInKeyError
from dspipe.pipeline.plan.settings_read import measure_settings
from dspipe.pipeline.stage import Decides, MapConfig, MapStage, Settings


class WordsConfig(MapConfig):
    minimum: Annotated[int, Decides] = 3
    folder: str = "f"
    names: tuple[str, ...] = ("a",)
    unused: int = 0

    @property
    def place(self) -> str:
        return f"{self.folder}/x"

    def all_names(self) -> list[str]:
        return [*self.names, "z"]


class Words(MapStage[WordsConfig]):
    Config = WordsConfig
    how = ""

    def measure_settings(self) -> Settings:
        if self.how == "field":
            return {"folder": self.config.folder}
        if self.how == "property":
            return {"place": self.config.place}
        if self.how == "method":
            return {"names": self.config.all_names()}
        if self.how == "dump":
            return dict(self.config.model_dump(include={"folder", "names"}))
        return super().measure_settings()


@pytest.mark.parametrize(
    ("how", "settings", "fields"),
    [
        ("field", {"folder": "g"}, ["folder"]),
        ("property", {"place": "g/x"}, ["folder"]),
        ("method", {"names": ["a", "z"]}, ["names"]),
        ("dump", {"folder": "g", "names": ("a",)}, ["folder", "names"]),
        ("", {"folder": "g", "names": ["a"], "unused": 0}, ["folder", "names", "unused"]),
    ],
)
def test_fields_are_noted(
    monkeypatch: pytest.MonkeyPatch, how: str, settings: dict[str, Any], fields: list[str]
) -> None:
    monkeypatch.setattr(Words, "how", how)
    stage = Words("words", WordsConfig(folder="g", minimum=9))
    assert measure_settings(stage) == (settings, fields)
    restricted = stage.config.only(fields)
    with pytest.raises(SettingNotInKeyError, match="reads the setting 'minimum'"):
        _ = restricted.minimum


def test_what_a_stage_has_worked_out_before_hides_nothing() -> None:
    class Cached(Words):
        def measure_settings(self) -> Settings:
            if not hasattr(self, "known"):
                self.known = {"folder": self.config.folder}
            return self.known

    stage = Cached("words", WordsConfig())
    stage.measure_settings()
    assert measure_settings(stage) == ({"folder": "f"}, ["folder"])
