"""What can be set when a tokenizer is trained."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tokenizer.special_tokens import special_tokens

SchemeName = Literal["deepseek", "deepseek_strict", "deepseek_v3", "gpt2", "cl100k"]
ROUND_TO = 128


class TrainSettings(BaseModel):
    """Defaults are those of DeepSeek LLM (arXiv:2401.02954, section 2.1): 100,000 tokens and 15 special ones, trained
    on 24 GB, padded to 102,400 in the model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vocab: int = 100_000
    """tokens without the special ones: the 256 bytes and the merges"""
    special: int | tuple[str, ...] = 15
    """how many special tokens, or their names: begin, end, padding, and any others"""
    pad_to: int | None = None
    """rows of the model's embedding; default 102,400 for a vocabulary of 100,000, else the next multiple of 128"""
    scheme: SchemeName = "deepseek"
    """the pre-tokenizer (tokenizer.schemes)"""
    sample_bytes: int = Field(24_000_000_000, gt=0)
    """how much text to count, about; all of it where there is less"""
    weights: dict[str, float] | None = None
    """shares of the sample by domain; domains not named are left out. Default: all text alike"""
    min_count: int = Field(2, ge=1)
    """pairs seen fewer times are not merged"""
    cut_below: int | None = Field(None, ge=0)
    """cut words where two characters meet fewer times (tokenizer.counting), 0: nowhere; default by the size of the
    sample: nowhere up to 100 MB, then 2 for each 100 MB"""
    model_max_length: int = Field(4096, gt=0)
    """written into tokenizer_config.json"""

    @field_validator("vocab")
    @classmethod
    def _holds_the_bytes(cls, vocab: int) -> int:
        if vocab < 256:
            raise ValueError(f"a vocabulary of {vocab} tokens is smaller than the 256 bytes that it must hold")
        return vocab

    @field_validator("weights")
    @classmethod
    def _are_shares(cls, weights: dict[str, float] | None) -> dict[str, float] | None:
        if weights is not None and (any(share < 0 for share in weights.values()) or sum(weights.values()) <= 0):
            raise ValueError("weights must be shares, none below 0 and not all 0")
        return weights

    @model_validator(mode="after")
    def _fits(self) -> "TrainSettings":
        size = self.vocab + len(special_tokens(self.special))
        if self.pad_to is not None and self.pad_to < size:
            raise ValueError(f"pad_to is {self.pad_to}, below the {size} tokens that it must hold")
        return self

    @property
    def special_tokens(self) -> tuple[str, ...]:
        """The names of the special tokens, in the order of their ids."""
        return special_tokens(self.special)

    @property
    def padded_size(self) -> int:
        """Rows of the model's embedding."""
        if self.pad_to is not None:
            return self.pad_to
        size = self.vocab + len(self.special_tokens)
        return 102_400 if self.vocab == 100_000 and size <= 102_400 else -(-size // ROUND_TO) * ROUND_TO

    def cut_bound(self, sampled_bytes: int) -> int:
        """How rare a pair of characters must be for words to be cut there."""
        return 2 * (sampled_bytes // 100_000_000) if self.cut_below is None else self.cut_below
