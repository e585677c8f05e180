"""The config of `dspipe recall`: one YAML file, every mistake with its line."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError, model_validator

from dspipe.pipeline.config.problems import InvalidConfigError, Locator, Problem, in_order, validation_problems
from dspipe.pipeline.config.yaml_lines import YamlError, parse_yaml
from dspipe.pipeline.environment import FilePath
from dspipe.pipeline.quantities import Count

Share = Annotated[float, Field(ge=0, le=1)]
_MOST_LISTED = 90_000
"""values in a file of hosts: more than 100,000 would not be read back"""


class ModelConfig(BaseModel):
    """How each round's classifier is trained; what isn't given is chosen as `dspipe classifier train` does."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    search: bool = Field(False, description="try a few settings on documents kept aside, in every round")
    learning_rate: float | None = Field(None, gt=0, description="of the first step")
    epochs: int | None = Field(None, ge=1, description="how often all documents are seen")
    dim: int | None = Field(None, ge=2, description="length of the vectors")
    buckets: int | None = Field(None, ge=1000, description="rows shared by all n-grams")
    word_ngrams: int = Field(2, ge=1, le=5, description="up to this many words make a feature")
    subwords: bool | None = Field(None, description="character 2- to 5-grams, where words have no blanks between them")
    min_count: int | None = Field(None, ge=1, description="words seen fewer times have no vector of their own")
    held_out: float = Field(0.1, ge=0, le=0.5, description="share of the documents that the classifier is measured on")
    threads: int = Field(1, ge=1, description="of training; with more than 1 no two models are the same")
    prefix_bytes: NonNegativeInt = Field(0, description="score about this many bytes of a page; 0: all of it")


class RecallConfig(BaseModel):
    """Settings of `dspipe recall`."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    run: str = Field(description="the output of a finished run, best a deduplicated one: its kept documents are asked")
    output: str = Field(description="folder or address for models, scores, lists of hosts, and what is recalled")
    seed: list[FilePath] | FilePath = Field(
        description="files of positive documents, or globs: .jsonl[.gz|.zst], .parquet"
    )
    field: str = Field("text", description="the seeds' field that holds the text")
    random: Count = Field(
        500_000,
        gt=0,
        description="kept documents drawn as negatives, at most; a round takes as many as it has positives, and 1,000 "
        "at least",
    )
    random_seed: int = Field(0, ge=0, description="decides every draw")
    rounds: PositiveInt = Field(4, description="trainings at most; it may be raised later")
    model: ModelConfig = Field(ModelConfig.model_validate({}), description="how classifiers are trained")
    at_least: Share | None = Field(None, description="recall pages from this score on")
    keep_tokens: Count | None = Field(None, gt=0, description="or recall the best pages that make so many tokens")
    bytes_per_token: float = Field(4, gt=0, description="of a run that hasn't counted tokens")
    host_share: Share = Field(0.1, description="a host is listed where a larger share of its pages is recalled")
    host_pages: PositiveInt = Field(10, description="and it has so many pages at least")
    hosts_listed: PositiveInt = Field(100, description="hosts listed in a round, those with the most recalled pages")
    host_prefixes: NonNegativeInt = Field(10, description="path prefixes listed of a host")
    host_urls: PositiveInt = Field(5, description="sampled URLs of each prefix, recalled and not")
    taken: Count = Field(
        500_000, gt=0, description="pages of annotated hosts that are trained on, at most of each kind"
    )
    stop_below: Share = Field(
        0.02, description="end where a smaller share of the recalled pages is new; it may be changed later"
    )

    @model_validator(mode="after")
    def _what_is_recalled(self) -> "RecallConfig":
        if (self.at_least is None) == (self.keep_tokens is None):
            raise ValueError("give either `at_least`, a score, or `keep_tokens`: it says which pages are recalled")
        values = self.hosts_listed * (7 + 2 * self.host_urls + self.host_prefixes * (6 + 2 * self.host_urls))
        if values > _MOST_LISTED:
            raise ValueError(f"a round's list of hosts would have up to {values:,} entries: nobody annotates so many; "
                             f"lower hosts_listed, host_prefixes or host_urls")  # fmt: skip
        return self

    @property
    def seeds(self) -> list[str]:
        """Paths and globs of the seeds."""
        return [self.seed] if isinstance(self.seed, str) else list(self.seed)


def load_recall_config(path: Path) -> tuple[RecallConfig, Locator]:
    """Read and validate a config; the locator says where keys stand. Raises InvalidConfigError."""
    values, where = read_yaml(path)
    try:
        return RecallConfig.model_validate(values), where
    except ValidationError as error:
        raise InvalidConfigError(in_order(validation_problems(error, (), where, values, RecallConfig))) from None


def read_yaml(path: Path) -> tuple[dict[str, object], Locator]:
    """The values of a YAML file with a mapping, and where its keys stand. Raises InvalidConfigError."""
    try:
        return parse_mapping(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise InvalidConfigError([Problem("", "no such file", str(path))]) from None
    except OSError as error:
        raise InvalidConfigError([Problem("", f"cannot be read: {error}", str(path))]) from None


def parse_mapping(data: bytes, name: str) -> tuple[dict[str, object], Locator]:
    """As `read_yaml`, of a file's bytes; `name` is what it is called."""
    try:
        values, lines = parse_yaml(data.decode())
    except UnicodeDecodeError as error:
        raise InvalidConfigError([Problem("", f"is no UTF-8: {error}", name)]) from None
    except YamlError as error:
        raise InvalidConfigError([Problem("", f"not valid YAML: {error}", f"{name}:{error.line}")]) from None
    if not isinstance(values, dict):
        raise InvalidConfigError([Problem("", "expected keys and values", f"{name}:1")])
    return values, Locator(name, lines, {})
