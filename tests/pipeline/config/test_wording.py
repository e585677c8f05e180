"""What is expected, in words of our own, whatever the validation library calls it."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from dspipe.pipeline.config.problems import Locator, validation_problems


class Inner(BaseModel):
    size: int


class Model(BaseModel):
    whole: int = 1
    share: Annotated[float, Field(ge=0, le=1)] = 0.5
    flag: bool = False
    text: str = ""
    some: Annotated[list[str], Field(min_length=1, max_length=2)] = ["a"]
    choice: Literal["local", "ray"] = "local"
    either: dict[str, float] | list[str] | None = None
    both: Inner | str | None = None
    name: Annotated[str, Field(min_length=1)] = "x"
    pair: tuple[int, int] = (1, 2)


@pytest.mark.parametrize(
    ("values", "key", "said"),
    [
        ({"whole": "x"}, "whole", "expected a whole number, not 'x'"),
        ({"whole": 1.5}, "whole", "expected a whole number, not 1.5"),
        ({"whole": None}, "whole", "expected a whole number, not nothing"),
        ({"whole": [1]}, "whole", "expected a whole number, not a list"),
        ({"share": 30}, "share", "expected at most 1, not 30: 30 % is 0.3"),
        ({"share": -1}, "share", "expected 0 or more, not -1"),
        ({"flag": "maybe"}, "flag", "expected true or false, not 'maybe'"),
        ({"text": {"a": 1}}, "text", "expected text, not a mapping"),
        ({"text": True}, "text", "expected text, not true"),
        ({"some": "a"}, "some", "expected a list, like [a, b], not 'a'"),
        ({"some": []}, "some", "expected at least one, not an empty list"),
        ({"some": ["a", "b", "c"]}, "some", "expected at most 2, not 3"),
        ({"choice": "rai"}, "choice", "expected local or ray, not 'rai'; did you mean ray?"),
        ({"either": 3}, "either", "expected a mapping, like {key: value} or a list, like [a, b], not 3"),
        ({"either": {"a": "x"}}, "either.a", "expected a number, not 'x'"),
        ({"either": ["a", 3]}, "either.1", "expected text, not 3"),
        ({"both": {"size": "x"}}, "both.size", "expected a whole number, not 'x'"),
        ({"name": ""}, "name", "is empty"),
        ({"pair": [1, "x"]}, "pair.1", "expected a whole number, not 'x'"),
    ],
)
def test_one_sentence_a_mistake(values: dict[str, Any], key: str, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Model.model_validate(values)
    (problem,) = validation_problems(caught.value, (), Locator("run.yaml", {}, {}), values, Model)
    assert (problem.key, problem.message) == (key, said)
