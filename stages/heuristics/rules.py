"""Rule sets of published quality heuristics, one file each. A rule compares one statistic with one threshold.

A rule set is a pydantic model whose fields are the thresholds, by default those of the paper, or datatrove's where the
stage is set to be like it (DATATROVE); `null` turns a rule off. What is set in the config holds for every language.
What isn't is taken from the language's profile (`languages.py`) where it has a value of its own, because thresholds
tuned on English don't fit, say, Chinese.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from dspipe.pipeline.stage import StageConfig
from dspipe.stages.heuristics.languages import PROFILES, Profile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Thresholds = dict[str, float | None]
Like = Literal["papers", "datatrove"]
"""Whose definitions and defaults hold where a paper and datatrove's code differ."""


class Rule(NamedTuple):
    """Drops where the statistic is below the threshold (fields named min_...) or above it (max_...)."""

    threshold: str
    statistic: str
    reason: str

    @property
    def asks_least(self) -> bool:
        """Whether the threshold is the least value that passes."""
        return self.threshold.startswith("min_")

    def broken(self, values: "npt.NDArray[np.float32]", limits: "npt.NDArray[np.float32]") -> "npt.NDArray[np.bool_]":
        """Where values break the rule. In single precision, as the statistics are: a share equal to its threshold
        passes. NaN is no limit."""
        broken = values < limits if self.asks_least else values > limits
        # less than 0: not known, for want of a list
        return broken & (values >= 0) if self.statistic == "stop_words" else broken


class RuleSet(StageConfig):
    """Base of the rule sets."""

    RULES: ClassVar[tuple[Rule, ...]]
    DATATROVE: ClassVar[dict[str, Any]] = {}
    """Defaults of datatrove's that are not the paper's."""

    languages: dict[str, Thresholds] = Field(default_factory=dict)
    """Thresholds of single languages (`zh: {min_words: 30}`), before all others."""

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        names = {rule.threshold for rule in self.RULES}
        for language, thresholds in self.languages.items():
            if language not in PROFILES:
                raise ValueError(f"languages: no profile for {language!r}; there are {', '.join(sorted(PROFILES))}")
            unknown = sorted(set(thresholds) - names)
            if unknown:
                raise ValueError(
                    f"languages.{language}: no rule {', '.join(unknown)}; there are {', '.join(sorted(names))}"
                )
        for rule in self.RULES:
            twin = rule.threshold.replace("min_", "max_")
            low, high = getattr(self, rule.threshold), getattr(self, twin, None)
            if twin != rule.threshold and low is not None and high is not None and low > high:
                raise ValueError(
                    f"{rule.threshold} is {low:g}, above {twin} of {high:g}: this would drop every document"
                )
        return self

    def setting(self, name: str, like: Like) -> Any:
        """A setting's value: what the config says, else the default."""
        if like == "datatrove" and name not in self.model_fields_set:
            return self.DATATROVE.get(name, getattr(self, name))
        return getattr(self, name)

    def threshold(self, name: str, language: str, profile: Profile, like: Like) -> float | None:
        """The threshold in force for a language; None: the rule is off."""
        own = self.languages.get(language, {})
        if name in own:
            return own[name]
        value: float | None = self.setting(name, like)
        if name in self.model_fields_set:
            return value
        return profile.thresholds.get(name, value)

    def thresholds(self, name: str, like: Like) -> "npt.NDArray[np.float32]":
        """The threshold of each profile, in the order of PROFILES; NaN where the rule is off."""
        import numpy as np

        values = [self.threshold(name, language, profile, like) for language, profile in PROFILES.items()]
        return np.array([np.nan if value is None else value for value in values], np.float32)
