"""Verdicts of two programs, compared; that the stages compared are the recipes'."""

import pytest
import yaml

from benchmarks.recipe_verdicts import FOLDER, STAGES, compare


def test_where_verdicts_part_the_reasons_are_counted() -> None:
    mine = [(None, "one "), (None, "two"), ("c4.bracket", "three"), ("c4.short", "four"), (None, "five")]
    others = [(None, "one"), (None, "2"), (None, "three"), ("c4.few", "four"), ("gopher.words", "five")]
    found = compare(mine, others)
    assert (found["documents"], found["both_keep"], found["both_drop"], found["texts_alike"]) == (5, 2, 1, 1)
    assert found["only_dspipe_drops"] == {"c4.bracket": 1}
    assert found["only_the_peer_drops"] == {"gopher.words": 1}
    assert found["dspipe_drops"] == {"c4": 2}
    assert [row["document"] for row in found["apart"]] == [2, 4]


def test_verdicts_of_other_texts_are_refused() -> None:
    with pytest.raises(ValueError):
        compare([(None, "one")], [])


@pytest.mark.parametrize("name", STAGES)
def test_the_stages_are_those_of_the_recipe(name: str) -> None:
    stages = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))["stages"]
    named = [
        settings.get("name", key) for stage in stages if isinstance(stage, dict) for key, settings in stage.items()
    ]
    assert [stage for stage in named if stage in STAGES[name]] == list(STAGES[name])
