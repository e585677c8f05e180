"""What can be set when a tokenizer is trained."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from dspipe.pipeline.quantities import ByteSize, Count
from dspipe.tokenizer.special_tokens import SpecialNames, name_special_tokens

SchemeName = Literal["deepseek", "deepseek_strict", "deepseek_v3", "gpt2", "cl100k", "qwen2", "o200k"]
ROUND_TO = 128


class Weights(BaseModel):
    """Shares of a sample. With both, the sample is shared out over the domains, and each domain's part over the
    languages that it has."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True, use_attribute_docstrings=True)

    domain: dict[str, float] | None = None
    """by domain; domains not named are left out"""
    language: dict[str, float] | None = None
    """by language; languages not named are left out"""

    @field_validator("domain", "language")
    @classmethod
    def _are_shares(cls, shares: dict[str, float] | None) -> dict[str, float] | None:
        if shares is not None and (any(share < 0 for share in shares.values()) or sum(shares.values()) <= 0):
            raise ValueError("weights must be shares, none below 0 and not all 0")
        return shares


def _by_domain(weights: Any) -> Any:
    """{web: 0.7, code: 0.3} is short for {domain: {web: 0.7, code: 0.3}}."""
    if isinstance(weights, dict) and weights and not any(isinstance(value, dict) for value in weights.values()):
        return {"domain": weights}
    return weights


class TrainSettings(BaseModel):
    """Defaults are those of DeepSeek LLM (arXiv:2401.02954, section 2.1): 100,000 tokens and 15 special ones, trained
    on 24 GB, padded to 102,400 in the model."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True, use_attribute_docstrings=True)

    vocab: Count = 100_000
    """tokens without the special ones: the 256 bytes and the merges"""
    special: Count | tuple[str, ...] = 15
    """how many special tokens, or their names: begin, end, padding, and any others"""
    special_names: SpecialNames = "deepseek"
    """the names of a number of them: `deepseek`, like `<｜end▁of▁sentence｜>`, or `plain`, like `<|end_of_text|>`"""
    pad_to: Count | None = None
    """rows of the model's embedding; default 102,400 for a vocabulary of 100,000, else the next multiple of 128"""
    scheme: SchemeName = "deepseek"
    """the pre-tokenizer (tokenizer.schemes)"""
    sample_bytes: ByteSize = 24_000_000_000
    """how much text to count, on average: the sample is drawn by document, and misses by some percent where it is small
    (stages.tokenizer.sampling). All of it where there is less"""
    weights: Literal["remix", "natural"] | Annotated[Weights, BeforeValidator(_by_domain)] | None = None
    """shares of the sample by domain and language; `remix`: those that the stage remix is likely to draw, in bytes
    (stages.remix.estimate); `natural`: all text alike. Default: remix in a config with that stage, else natural. A
    vocabulary is best for the mixture that it was counted on, and that is the one the model will see"""
    min_count: Annotated[Count, Field(ge=1)] = 2
    """pairs seen fewer times are not merged"""
    memory: ByteSize = 8_000_000_000
    """how much memory training may take beside the program's own, about. All distinct words of the sample are trained
    on where that is enough for them, otherwise rare ones are thinned out"""
    thin_below: Count | None = None
    """of words seen fewer times keep a sample that stands for all (tokenizer.counting), 0: keep all. Default: the least
    that `memory` asks for"""
    cut_below: Count = 0
    """cut words where two characters meet fewer times (tokenizer.counting), 0: nowhere"""
    model_max_length: Annotated[Count, Field(gt=0)] = 4096
    """written into tokenizer_config.json"""

    @field_validator("vocab")
    @classmethod
    def _holds_the_bytes(cls, vocab: int) -> int:
        if vocab < 256:
            raise ValueError(f"a vocabulary of {vocab} tokens is smaller than the 256 bytes that it must hold")
        return vocab

    @model_validator(mode="after")
    def _fits(self) -> "TrainSettings":
        size = self.vocab + len(name_special_tokens(self.special, self.special_names))
        if self.pad_to is not None and self.pad_to < size:
            raise ValueError(f"pad_to is {self.pad_to}, below the {size} tokens that it must hold")
        return self

    @property
    def special_tokens(self) -> tuple[str, ...]:
        """The names of the special tokens, in the order of their ids."""
        return name_special_tokens(self.special, self.special_names)

    @property
    def padded_size(self) -> int:
        """Rows of the model's embedding."""
        if self.pad_to is not None:
            return self.pad_to
        size = self.vocab + len(self.special_tokens)
        return 102_400 if self.vocab == 100_000 and size <= 102_400 else -(-size // ROUND_TO) * ROUND_TO
