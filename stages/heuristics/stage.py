"""Quality heuristics by rule: Gopher, C4, FineWeb, with the published thresholds or your own.

    - heuristics: {rules: [gopher, c4, fineweb], gopher: {min_words: 30, max_words: null}}

Where a paper and datatrove's code differ, the rules are the paper's, with `like: datatrove` the code's (see
docs/stages.md for where).

The text is read once for all rule sets together. Each statistic becomes a column `heuristics.<statistic>`, and
verdicts are made from those columns: another threshold doesn't read the text again. The first rule that a document
breaks, in the order of `rules` and of the files in stages/rules, is the reason for its drop (`gopher.too_few_words`).

Everything is counted over the whole document but for repetition, which is looked for within its first 2^20 tokens
(n-grams) and 2^18 lines (duplicate lines and paragraphs), so that memory stays bounded.

Thresholds and stop words follow the language column where there is one, and the script that most of the document is
written in (see stages/heuristics/languages.py).
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import NOTHING, MapConfig, MapStage, NamedConfig, Settings, Span
from dspipe.pipeline.threshold import Threshold
from dspipe.stages.heuristics.c4 import C4
from dspipe.stages.heuristics.fineweb import FineWeb
from dspipe.stages.heuristics.gopher import Gopher
from dspipe.stages.heuristics.languages import PROFILES, profile_of, profiles_of
from dspipe.stages.heuristics.rules import Like, Rule, RuleSet
from dspipe.stages.heuristics.spans import spans_counted

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from dspipe.kernels.text.statistics import LineSettings
    from dspipe.kernels.text.stop_words import StopWords

RuleSetName = Literal["gopher", "c4", "fineweb"]


class HeuristicsConfig(NamedConfig, MapConfig):
    """Settings of `heuristics`."""

    rules: list[RuleSetName] = Field(default=["gopher", "c4", "fineweb"], min_length=1)
    """Rule sets, each with its published thresholds, in the order in which they are asked."""

    like: Like = "papers"
    """Where a paper and datatrove's code differ, whose definitions and defaults hold."""

    gopher: Gopher = Field(default_factory=Gopher)
    """Thresholds of the Gopher paper (Rae et al. 2021): length, words, symbols, repetition."""
    c4: C4 = Field(default_factory=C4)
    """Thresholds of C4 (Raffel et al. 2020): what is left of a page without lines that are no sentences."""
    fineweb: FineWeb = Field(default_factory=FineWeb)
    """Thresholds of FineWeb (Penedo et al. 2024): line ends, short lines, repeated lines."""

    @model_validator(mode="after")
    def _sets_in_use(self) -> Self:
        for name in ("gopher", "c4", "fineweb"):
            if name in self.model_fields_set and name not in self.rules:
                raise ValueError(f"{name} is set but not one of rules: {', '.join(self.rules)}")
        if len(set(self.rules)) < len(self.rules):
            raise ValueError(f"rules: each rule set once, not {', '.join(self.rules)}")
        return self

    def rule_sets(self) -> dict[str, RuleSet]:
        """The rule sets in use, by name, in order."""
        return {name: getattr(self, name) for name in self.rules}


class HeuristicsStage(MapStage[HeuristicsConfig]):
    """Adds the statistics that the rule sets in use need; drops by their thresholds."""

    Config = HeuristicsConfig

    def check(self) -> None:
        for language in self.config.gopher.stop_words:
            if language not in PROFILES:
                known = ", ".join(sorted(PROFILES))
                raise ConfigError(f"no profile for {language!r}; there are {known}", ("gopher", "stop_words"))
        if not self.config.gopher.stop_words:
            return  # our own lists are right, and their table takes a second
        try:
            _ = self._stop_words
        except ValueError as error:
            raise ConfigError(str(error), ("gopher", "stop_words")) from error

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        from dspipe.kernels.text.statistic_columns import COUNTS

        kinds = {name: pa.int32() if name in COUNTS else pa.float32() for name in self._statistics}
        return tuple(pa.field(f"{self.name}.{name}", kind) for name, kind in kinds.items())

    def measure_settings(self) -> Settings:
        lines = self._line_settings._asdict()
        return {"statistics": self._statistics, "lines": lines, "stop_words": self._stop_word_lists}

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.text.statistic_columns import COUNTS, SHARES
        from dspipe.kernels.text.statistics import text_statistics

        data, offsets = text_buffers(batch.column("text"))
        found = text_statistics(data, offsets, self._stop_words, self._list_of_each(batch), self._line_settings)
        for field in self.measured_columns():
            name = field.name.removeprefix(f"{self.name}.")
            column = found.counts[:, COUNTS.index(name)] if name in COUNTS else found.shares[:, SHARES.index(name)]
            batch = batch.append_column(field, pa.array(column, field.type))
        return batch

    def judges_measured_by(self, other: Self) -> bool:
        """Fewer statistics are enough for fewer rules."""
        needed, there = dict(self.measure_settings()), dict(other.measure_settings())
        return set(needed.pop("statistics")) <= set(there.pop("statistics")) and needed == there

    def judge_columns(self) -> tuple[str, ...]:
        return (*(field.name for field in self.measured_columns()), "language")

    def judge(self, columns: "pa.RecordBatch") -> "pa.Array":
        import numpy as np
        import pyarrow as pa

        scripts = columns.column(f"{self.name}.script").fill_null(0).to_numpy()
        profiles = profiles_of(columns.column("language"), scripts.astype(np.int64))
        broken = np.full(columns.num_rows, -1, np.int32)
        for place, (rule_set, rule) in enumerate(self._rules):
            limits = getattr(self.config, rule_set).thresholds(rule.threshold, self.config.like)[profiles]
            values = columns.column(f"{self.name}.{rule.statistic}").fill_null(0).to_numpy().astype(np.float32)
            broken[rule.broken(values, limits) & (broken < 0)] = place
        reasons = pa.array([f"{rule_set}.{rule.reason}" for rule_set, rule in self._rules], pa.string())
        return reasons.take(pa.array(broken, pa.int32(), mask=broken < 0))

    def thresholds(self, notes: Settings = NOTHING) -> Iterator[Threshold]:
        yield from self._thresholds

    @cached_property
    def _thresholds(self) -> list[Threshold]:
        # kept: `limits` asks for each document, and there is a number for each rule and profile
        return list(self._made_thresholds())

    def _made_thresholds(self) -> Iterator[Threshold]:
        for name, rule in self._rules:
            rule_set = getattr(self.config, name)
            own = {
                language: own[rule.threshold] for language, own in rule_set.languages.items() if rule.threshold in own
            }
            values: dict[str, float | None] = {
                language: None
                if language in own
                else rule_set.threshold(rule.threshold, language, profile, self.config.like)
                for language, profile in PROFILES.items()
            }
            value = rule_set.setting(rule.threshold, self.config.like)
            yield self._threshold((name, rule.threshold), name, rule, value, values)
            for language, number in own.items():
                key = (name, "languages", language, rule.threshold)
                yield self._threshold(key, name, rule, None, {language: number})

    def threshold_groups(self, threshold: Threshold, columns: "pa.RecordBatch") -> "pa.Array":
        """The names of profiles."""
        import pyarrow as pa

        scripts = columns.column(f"{self.name}.script").cast(pa.int64()).fill_null(0).to_numpy()
        profiles = profiles_of(columns.column("language").cast(pa.string()), scripts)
        return pa.array(list(PROFILES), pa.string()).take(pa.array(profiles))

    def in_force(self, threshold: Threshold, columns: "pa.RecordBatch") -> "pa.Array":
        import pyarrow as pa
        import pyarrow.compute as pc

        numbers = super().in_force(threshold, columns)
        if threshold.column != f"{self.name}.stop_words":
            return numbers
        # less than 0: not known, for want of a list
        return pc.if_else(pc.less(columns.column(threshold.column), 0), pa.scalar(None, pa.float64()), numbers)

    def spans(self, text: str, columns: Mapping[str, Any]) -> Iterator[Span]:
        """What the rule has counted that dropped the document."""
        from dspipe.kernels.text.repeated_ngrams import UNITS_PER_ORDER
        from dspipe.kernels.text.unicode_classes import FIRST_UNSPACED, SCRIPTS

        reasons = {f"{name}.{rule.reason}": rule for name, rule in self._rules}
        rule = reasons.get(columns.get("reason") or "")
        if rule is None:
            return
        script, like = columns.get(f"{self.name}.script") or 0, self.config.like
        units = UNITS_PER_ORDER.get(SCRIPTS[script], 1.0)
        in_units = (lambda n: round(n * units)) if script >= FIRST_UNSPACED else None
        short_line = self.config.fineweb.setting("short_line_length", like)
        yield from spans_counted(rule.statistic, text, short_line, like == "datatrove", in_units)

    def _threshold(
        self,
        key: tuple[str, ...],
        rule_set: str,
        rule: Rule,
        value: float | None,
        values: Mapping[str, float | None],
    ) -> Threshold:
        """Of the values, those that are other than `value`."""
        others = {language: number for language, number in values.items() if number != value}
        by = ("language", f"{self.name}.script") if others else ()
        asks: Literal["at least", "at most"] = "at least" if rule.asks_least else "at most"
        return Threshold(key, f"{self.name}.{rule.statistic}", asks, f"{rule_set}.{rule.reason}", value, by, others)

    @cached_property
    def _rules(self) -> list[tuple[str, Rule]]:
        return [(name, rule) for name, rule_set in self.config.rule_sets().items() for rule in rule_set.RULES]

    @cached_property
    def _statistics(self) -> list[str]:
        """Statistics to keep, in the kernel's order; characters and script always."""
        from dspipe.kernels.text.statistic_columns import STATISTICS

        wanted = {"script", "characters", *(rule.statistic for _, rule in self._rules)}
        return [name for name in STATISTICS if name in wanted]

    @cached_property
    def _stop_word_lists(self) -> dict[str, list[str]]:
        own = self.config.gopher.stop_words
        return {name: own.get(name, list(profile.stop_words)) for name, profile in PROFILES.items() if name != "other"}

    @cached_property
    def _stop_words(self) -> "StopWords":
        from dspipe.kernels.text.stop_words import make_stop_words

        scripts = [PROFILES[name].script for name in self._stop_word_lists]
        return make_stop_words(self._stop_word_lists, scripts)

    @cached_property
    def _line_settings(self) -> "LineSettings":
        from dspipe.kernels.text.c4_sentences import (
            CITATIONS_RULE,
            CLAUSES_RULE,
            JAVASCRIPT_RULE,
            POLICY_RULE,
            QUOTES_RULE,
            TERMINAL_RULE,
            WHOLE_PAGE_RULE,
        )
        from dspipe.kernels.text.statistics import LineSettings

        c4, fineweb, like = self.config.c4, self.config.fineweb, self.config.like
        by_tokens = like == "datatrove"
        rules = (
            TERMINAL_RULE * c4.terminal_punctuation
            | JAVASCRIPT_RULE * c4.javascript
            | POLICY_RULE * c4.policy
            | CITATIONS_RULE * c4.citations
            | (WHOLE_PAGE_RULE | QUOTES_RULE | CLAUSES_RULE) * (not by_tokens)
        )
        short_line, min_words = fineweb.setting("short_line_length", like), c4.setting("min_words_per_line", like)
        return LineSettings(short_line, min_words, c4.max_word_length, rules, by_tokens)

    def _list_of_each(self, batch: "pa.RecordBatch") -> "npt.NDArray[np.int16]":
        """For each document the place of its language's stop words; -1 unknown language, -2 no list."""
        import numpy as np

        places = {name: place for place, name in enumerate(self._stop_word_lists)}
        languages = batch.column("language").to_pylist()
        place_of = {tag: -1 if tag is None else places.get(profile_of(tag), -2) for tag in set(languages)}
        return np.array([place_of[tag] for tag in languages], np.int16)
