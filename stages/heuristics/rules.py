"""Rule sets of published quality heuristics, one file each. A rule compares one statistic with one threshold.

A rule set is a pydantic model whose fields are the thresholds, by default the published ones; `null` turns a rule
off. What is set in the config holds for every language. What isn't is taken from the language's profile
(`languages.py`) where it has a value of its own, because thresholds tuned on English don't fit, say, Chinese.
"""

from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

from pydantic import Field, model_validator

from dspipe.pipeline.stage import StageConfig
from dspipe.stages.heuristics.languages import PROFILES, Profile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Thresholds = dict[str, float | None]


class Rule(NamedTuple):
    """Drops where the statistic is below the threshold (fields named min_...) or above it (max_...)."""

    threshold: str
    statistic: str
    reason: str


class RuleSet(StageConfig):
    """Base of the rule sets."""

    RULES: ClassVar[tuple[Rule, ...]]

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

    def threshold(self, name: str, language: str, profile: Profile) -> float | None:
        """The threshold in force for a language; None: the rule is off."""
        own = self.languages.get(language, {})
        if name in own:
            return own[name]
        value: float | None = getattr(self, name)
        if name in self.model_fields_set:
            return value
        return profile.thresholds.get(name, value)

    def thresholds(self, name: str) -> "npt.NDArray[np.float32]":
        """The threshold of each profile, in the order of PROFILES; NaN where the rule is off."""
        import numpy as np

        values = [self.threshold(name, language, profile) for language, profile in PROFILES.items()]
        return np.array([np.nan if value is None else value for value in values], np.float32)
