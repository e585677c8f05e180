"""Settings of `pack`."""

from typing import Annotated, Literal

from pydantic import Field

from dspipe.pipeline.quantities import SizeOf
from dspipe.pipeline.stage import StageConfig


class FillInTheMiddle(StageConfig):
    """Fill-in-the-middle (`stages.pack.fim`)."""

    rate: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The part of documents that is rearranged."""
    second_form: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The part of those that has suffix before prefix."""
    domains: list[str] | None = None
    """Only documents of these domains."""
    cuts: Literal["token", "character"] = "token"
    """Where a document may be cut. character: anywhere, so that a gap may begin within a word; the parts are then
    encoded anew, and texts are read once more. It asks for byte-level BPE, without `special_in_text`."""
    tokens: tuple[str, str, str] | None = None
    """Names of the sentinels before prefix, suffix and middle. Default: the first usual ones that are there."""


def cut_at_characters(settings: FillInTheMiddle | None) -> FillInTheMiddle | None:
    """The settings, where documents are cut at characters."""
    return settings if settings is not None and settings.cuts == "character" and settings.rate > 0 else None


class RowSettings(StageConfig):
    """What the rows of one partition depend on."""

    length: Annotated[int, Field(ge=2, lt=1 << 31)] = 4096
    """Tokens in a row. A trainer that predicts the next token within a row learns from one fewer."""
    format: Literal["megatron", "mds", "parquet"] = "megatron"
    """megatron: `.bin` and `.idx`, as Megatron-LM reads them. mds: MosaicML Streaming. parquet: a table of rows."""
    shuffle: bool = True
    """False: documents in the order of the input shards, the copies of one beside each other; each input shard is then
    packed by itself."""
    mode: Literal["split", "best_fit", "aligned"] = "split"
    """split: one stream, cut every `length` tokens. best_fit: documents whole where they fit, rows padded. aligned:
    every row begins with the beginning of a document and is full; documents' ends are cut off for that, and lost."""
    begin: bool = False
    """Put the begin token before each document."""
    end_token: str | None = None
    """Name of the token after each document. Default: the first usual name that the tokenizer has."""
    begin_token: str | None = None
    """Name of the token that `begin` puts before each. Default: the first usual name that the tokenizer has."""
    pad_token: str | None = None
    """Name of the token that fills rows up. Default: the first usual name that the tokenizer has, or the end token."""
    fill_in_the_middle: FillInTheMiddle | None = None
    """Rearrange some documents as prefix, suffix, middle (Bavarian et al. 2022); `{}`: its defaults. Default: none."""


class TailSettings(RowSettings):
    """What the rows of the tail shard depend on."""

    remainder: Literal["pad", "drop"] = "pad"
    """What to do with the last, short row of `split`."""


class PackConfig(TailSettings):
    """Settings of `pack`."""

    shard_bytes: Annotated[int, SizeOf, Field(ge=1 << 16)] = 256_000_000
    """A partition for each so many bytes of the sources, as stored; a shard is the tokens of one partition. Without
    shuffle, a shard is the tokens of one input shard instead."""
