"""Pack: the drawn documents in a global seeded shuffle, joined by the end token, in rows of fixed length.

    pack: {length: 4096, format: megatron, shuffle: true}

The shuffle has two levels. `scatter` gives each copy of a document an order key, a hash of (seed, id, copy), and sends
it to the partition that the key's first bits say; `rows` sorts a partition by key and writes it as one shard. Key and
partitions depend on the config and the input alone, so the bytes are the same for any number of workers and any memory.

Rows don't cross partitions: what is left of each partition, less than a row, goes to `tail`, which joins those rests in
partition order into one more shard, so that at most the very last row is short (padded, or dropped and counted).

`index` checks that no token is lost: tokens drawn + tokens added (begin, end, fill-in-the-middle)
= tokens in rows + cropped + dropped, and writes the manifest `index.json`.
"""

import functools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from pipeline.stage import ConfigError, Corpus, GlobalStage, Phase, StageConfig

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from pipeline.task import Task
    from stages.packing.partition import Layout, Partition, Special

Summary = dict[str, Any]

SHOWN_PLACES = 20
"""pieces of a document that `explain` lists"""
MAX_PARTITIONS = 1 << 16

RECORD = ["key", "id", "copy", "domain", "source", "tokens"]
"""Columns of what `scatter` sends to `rows`, a record for each copy of a document."""

NAMES = ("rows", "tokens", "padding", "documents", "cut", "pieces", "rearranged", "added", "cropped", "rest")
"""What a partition counts. `tokens` are those in rows, `rest` those handed to `tail`; `cut` documents have more than
one piece or lost their end; `added` tokens are begin and end tokens and sentinels."""


class Middle(StageConfig):
    """Fill-in-the-middle (`stages.packing.middle`)."""

    rate: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The part of documents that is rearranged."""
    second_form: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The part of those that has suffix before prefix."""
    domains: list[str] | None = None
    """Only documents of these domains."""
    tokens: tuple[str, str, str] | None = None
    """Names of the sentinels before prefix, suffix and middle. Default: the first usual ones that are there."""


class Config(StageConfig):
    """Settings of `pack`."""

    length: Annotated[int, Field(ge=2, lt=1 << 31)] = 4096
    """Tokens in a row. A trainer that predicts the next token within a row learns from one fewer."""
    format: Literal["megatron", "mds", "parquet"] = "megatron"
    shuffle: bool = True
    """False: documents in the order of the shards, the copies of one beside each other."""
    mode: Literal["split", "best_fit", "aligned"] = "split"
    """split: one stream, cut every `length` tokens. best_fit: documents whole where they fit, rows padded. aligned:
    every row begins with the beginning of a document and is full; documents' ends are cut off for that, and lost."""
    remainder: Literal["pad", "drop"] = "pad"
    """What to do with the last, short row of `split`."""
    begin: bool = False
    """Put the begin token before each document."""
    end_token: str | None = None
    begin_token: str | None = None
    pad_token: str | None = None
    """Names of the tokens. Default: the first usual name that the tokenizer has; for padding, else the end token."""
    fill_in_the_middle: Middle | None = None
    shard_bytes: Annotated[int, BeforeValidator(lambda value: int(float(value))), Field(ge=1 << 16)] = 256_000_000
    """A partition for each so many bytes of the sources, as stored; a shard is the tokens of one partition."""


class Pack(GlobalStage[Config]):
    """Writes training rows."""

    Config = Config

    def phases(self, corpus: Corpus) -> list[Phase]:
        mixed = "remix" in corpus.stages
        partitions = min(MAX_PARTITIONS, max(1, -(-corpus.input_bytes // self.config.shard_bytes)))
        columns = ("id", "source", *(("copies", "remix.domain") if mixed else ("domain",)), "tokens", "reason")
        settings = self.config.model_dump(mode="json", exclude={"shard_bytes", "remainder"})
        return [
            Phase("pack.shards", "once", "number_shards", emits="pack.shard"),
            Phase(
                "pack.scatter",
                "shards",
                "scatter",
                columns=columns,
                exchange="pack.shard",
                artifacts=("token_ids", *(("mixture",) if mixed else ())),
                emits="pack.documents",
                partitions=partitions,
                makes=("drawn",),
                settings={"shuffle": self.config.shuffle},
            ),
            Phase(
                "pack.rows",
                "partitions",
                "rows",
                exchange="pack.documents",
                artifacts=("tokenizer",),
                emits="pack.rests",
                partitions=1,
                makes=("shards", "summaries"),
                settings=settings,
            ),
            Phase(
                "pack.tail",
                "partitions",
                "tail",
                exchange="pack.rests",
                artifacts=("tokenizer",),
                makes=("tail", "tail_summary"),
                settings={**settings, "remainder": self.config.remainder},
            ),
            Phase(
                "pack.index",
                "once",
                "index",
                artifacts=(
                    *("drawn", "shards", "summaries", "tail", "tail_summary", "tokenizer"),
                    *(("mixture",) if mixed else ()),
                ),
                makes=("index",),
                settings={**settings, "remainder": self.config.remainder},
            ),
        ]

    def warm(self) -> None:
        import numpy as np
        import pyarrow as pa

        from stages.packing.order import Axis
        from stages.packing.partition import Layout, Partition, Special
        from stages.packing.pieces import split_pieces, whole_pieces

        one, name = np.zeros(1, np.int64), pa.array(["a"])
        key = Axis(None).keys(name, name, one, one, self.seed)
        special = Special(0, -1, 0, np.empty(0, np.int64))
        layout = Layout(np.zeros(1, np.uint8), np.zeros((1, 2), np.int64))
        for dtype in (np.uint16, np.uint32):
            tokens = pa.LargeListArray.from_arrays(pa.array([0, 1]), pa.array(np.zeros(1, dtype)))
            columns = [pa.array(key), name, pa.array(one.astype(np.int32)), name, name, tokens]
            batch = pa.RecordBatch.from_arrays(columns, names=RECORD)
            partition = Partition(functools.partial(_once, batch), self.config.shuffle)
            lengths = partition.stream_lengths(special, layout)
            partition.filled(split_pieces(lengths, 2), 0, 1, 2, special, layout)
        if self.config.mode != "split":
            whole_pieces(lengths, 2, self.config.mode == "aligned")

    def verify(self, root: str) -> tuple[list[str], dict[str, int]]:
        from stages.verify_shards import verify_run

        found = verify_run(root)
        return found.problems, found.checked | {f"not checked: {why}": 1 for why in found.skipped}

    def explain(self, root: str, id: str) -> dict[str, str]:
        from stages.packing.places import places

        found = places(root, id)
        shown = {
            f"copy {place.copy}, token {place.start:,}": (
                f"{place.length:,} tokens in row {place.row:,} from {place.column:,} on, {place.file}"
            )
            for place in found[:SHOWN_PLACES]
        }
        return shown | ({"and": f"{len(found) - SHOWN_PLACES:,} more pieces"} if len(found) > SHOWN_PLACES else {})

    def number_shards(self, task: "Task") -> None:
        """Tell each shard its number, by which `scatter` finds the shard's token ids."""
        import numpy as np
        import pyarrow as pa

        numbers = np.arange(task.shards, dtype=np.int64)
        task.emit(numbers, pa.RecordBatch.from_arrays([pa.array(numbers)], names=["shard"]))

    def scatter(self, task: "Task") -> None:
        """Send each copy of each drawn document, with its tokens, to the partition of its order key."""
        import numpy as np
        import pyarrow as pa

        from stages.packing.order import Axis
        from stages.packing.token_ids import TokenIds

        mixed = "copies" in task.spec.columns
        domain = "remix.domain" if mixed else "domain"
        columns = ["id", "source", domain, "tokens", "reason", *(["copies"] if mixed else [])]
        axis = Axis(json.loads(task.artifact("mixture")[0].read()) if mixed else None)
        if not self.config.shuffle and axis.count > 1:
            raise ConfigError("phases of a mixture need shuffle: true", ("shuffle",))
        drawn = dict.fromkeys(("documents", "tokens", "empty"), 0)
        with TokenIds(task) as token_ids:
            for batch in task.rows(columns):
                tokens = batch.column("tokens").to_numpy(zero_copy_only=False).astype(np.int64)
                ids, offsets = token_ids.take(tokens)
                kept = batch.column("reason").is_null().to_numpy(zero_copy_only=False)
                copies = batch.column("copies").to_numpy(zero_copy_only=False).astype(np.int64) if mixed else 1
                times = np.where(kept, copies, 0)
                drawn["empty"] += int(times[tokens == 0].sum())
                times[tokens == 0] = 0
                row = np.repeat(np.arange(batch.num_rows), times)
                copy = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
                names = batch.column(domain)
                lists = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(ids))
                key = axis.keys(batch.column("id"), names, row, copy, self.seed)
                chosen = pa.array(row)
                records = pa.RecordBatch.from_arrays(
                    [
                        pa.array(key),
                        batch.column("id").take(chosen),
                        pa.array(copy.astype(np.int32)),
                        names.take(chosen),
                        batch.column("source").take(chosen),
                        lists.take(chosen),
                    ],
                    names=RECORD,
                )
                task.emit(self._partition(task, key), records)
                drawn["documents"] += len(row)
                drawn["tokens"] += int(tokens[row].sum())
        for name, count in drawn.items():
            task.count(name, count)
        with task.make("drawn", ".drawn.json") as file:
            file.write(json.dumps(drawn).encode())

    def rows(self, task: "Task") -> None:
        """Sort a partition, cut it into rows, write them as a shard; send on what is less than a row."""
        import numpy as np

        from stages.packing.documents import Documents, with_pieces
        from stages.packing.manifest import describe
        from stages.packing.partition import Partition
        from stages.packing.pieces import split_pieces, whole_pieces
        from stages.packing.rests import rest_records
        from stages.packing.shard import write_shard

        special = self._special(task.artifact("tokenizer")[0].read())
        partition = Partition(task.received, self.config.shuffle)
        layout = self._layout(partition)
        lengths = partition.stream_lengths(special, layout)
        length, total = self.config.length, int(lengths.sum())
        if self.config.mode == "split":
            pieces, rows = split_pieces(lengths, length), total // length
        else:
            pieces, rows = whole_pieces(lengths, length, self.config.mode == "aligned")
        table = {**partition.documents.arrays, "tokens": lengths, "layout": layout.layout, "cuts": layout.cuts}
        whole = Documents(table, partition.documents.domains, partition.documents.sources)
        in_rows = pieces[: int(np.searchsorted(pieces.row, rows))]
        tokens = int(in_rows.length.sum())
        rest = pieces[len(in_rows) :]
        per_document = np.bincount(pieces.document, minlength=len(partition))
        kept = np.bincount(pieces.document, pieces.length, minlength=len(partition)).astype(np.int64)
        summary = {
            "rows": rows,
            "tokens": tokens,
            "padding": rows * length - tokens,
            "documents": len(partition),
            "cut": int(((per_document > 1) | (kept < lengths)).sum()),
            "pieces": len(pieces),
            "rearranged": int((layout.layout > 0).sum()),
            "added": total - int(partition.lengths.sum()),
            "cropped": total - int(kept.sum()),
            "rest": int(rest.length.sum()),
        }
        budget = task.memory // 8
        if rows:
            blocks = partition.blocks(in_rows, rows, length, special, layout, budget)
            documents = with_pieces(whole, in_rows, rows)
            describe(summary, documents, partition.dtype.name)
            write_shard(
                lambda suffix: task.make("shards", suffix),
                self.config.format,
                blocks,
                documents,
                rows,
                length,
                partition.dtype,
            )
        if len(rest):
            filled = partition.filled(rest, rows, 1, length, special, layout)
            task.emit(np.zeros(len(rest), np.int64), rest_records(whole, rest, filled[0]))
        for name in NAMES:
            task.count(name, summary[name])
        with task.make("summaries", ".summary.json") as file:
            file.write(json.dumps(summary).encode())

    def tail(self, task: "Task") -> None:
        """Join the rests of all partitions, in their order, into rows of one more shard."""
        import numpy as np

        from stages.packing.documents import with_pieces
        from stages.packing.manifest import describe
        from stages.packing.pieces import Pieces, split_pieces
        from stages.packing.rests import received_rests
        from stages.packing.shard import write_shard

        special = self._special(task.artifact("tokenizer")[0].read())
        table, starts, tokens, lengths = received_rests(task)
        length, total = self.config.length, int(lengths.sum())
        again = split_pieces(lengths, length)
        rows = total // length if self.config.remainder == "drop" else -(-total // length)
        again = again[: int(np.searchsorted(again.row, rows))]
        pieces = Pieces(again.document, starts[again.document] + again.start, again.length, again.row, again.column)
        in_rows = int(pieces.length.sum())
        per_rest = np.bincount(again.document, minlength=len(lengths))
        summary: Summary = dict.fromkeys(NAMES, 0) | {
            "rows": rows,
            "tokens": in_rows,
            "padding": rows * length - in_rows,
            # a rest that is a whole document is counted as one piece, and as not cut, by its partition
            "cut": int(((per_rest > 1) & (lengths == table.arrays["tokens"])).sum()),
            "pieces": int(np.maximum(per_rest - 1, 0).sum()),
            "dropped": total - in_rows,
            "dropped_documents": int(((per_rest == 0) & (starts == 0)).sum()),
        }
        if rows:
            flat = np.full(rows * length, special.pad, tokens.dtype)
            flat[:in_rows] = tokens[:in_rows]
            documents = with_pieces(table, pieces, rows)
            describe(summary, documents, tokens.dtype.name)
            write_shard(
                lambda suffix: task.make("tail", suffix),
                self.config.format,
                iter([flat.reshape(rows, length)]),
                documents,
                rows,
                length,
                tokens.dtype,
            )
        for name in (*NAMES, "dropped"):
            task.count(name, summary[name])
        with task.make("tail_summary", ".summary.json") as file:
            file.write(json.dumps(summary).encode())

    def index(self, task: "Task") -> None:
        """Check the sums, and write the manifest that readers start from."""
        from pipeline.task import ConservationError
        from stages.packing import mds
        from stages.packing.manifest import manifest

        drawn = [json.loads(file.read()) for file in task.artifact("drawn")]
        tokenizer = task.artifact("tokenizer")[0]
        try:
            mixture = task.artifact("mixture")[0].sha256
        except KeyError:  # no remix in this config
            mixture = None
        parts = [
            (json.loads(file.read()), [entry for entry in task.artifact(shards) if entry.sender == file.sender])
            for shards, summaries in (("shards", "summaries"), ("tail", "tail_summary"))
            for file in task.artifact(summaries)
        ]
        totals = {name: sum(summary.get(name, 0) for summary, _ in parts) for name in (*NAMES, "dropped")}
        documents = sum(count["documents"] for count in drawn)
        tokens = sum(count["tokens"] for count in drawn)
        sides = tokens + totals["added"], totals["tokens"] + totals["cropped"] + totals["dropped"]
        if sides[0] != sides[1] or documents != totals["documents"]:
            raise ConservationError(
                f"pack: {documents:,} documents with {tokens:,} tokens were drawn, {totals['added']:,} tokens added; "
                f"{totals['documents']:,} documents came out, with {totals['tokens']:,} tokens in rows, "
                f"{totals['cropped']:,} cropped and {totals['dropped']:,} dropped"
            )
        data = tokenizer.read()
        special = self._special(data)
        index = manifest(
            parts,
            settings={
                "format": self.config.format,
                "mode": self.config.mode,
                "row_length": self.config.length,
                "seed": self.seed,
                "tokenizer_sha256": tokenizer.sha256,
                "mixture_sha256": mixture,
            },
            special=special,
            tokenizer=data,
            totals={
                **{name: totals[name] for name in NAMES if name != "rest"},
                "dropped": totals["dropped"],
                "dropped_documents": sum(summary.get("dropped_documents", 0) for summary, _ in parts),
                "empty_documents": sum(count["empty"] for count in drawn),
            },
        )
        if self.config.format == "mds":
            index["version"], index["shards"] = (
                2,
                [
                    mds.shard_entry(
                        part["files"][".mds"]["name"],
                        part["files"][".mds"]["bytes"],
                        part["files"][".mds"]["sha256"],
                        part["rows"],
                        self.config.length,
                        index["dtype"],
                    )
                    for part in index["parts"]
                ],
            )
        with task.make("index") as file:
            file.write(json.dumps(index, indent=1, ensure_ascii=False).encode())
        task.note("packed", {name: value for name, value in index.items() if name not in ("parts", "shards")})

    def _special(self, tokenizer: bytes) -> "Special":
        """The ids of the special tokens. Raises ConfigError when the tokenizer has none of that name."""
        import numpy as np

        from stages.packing import tokenizer_file
        from stages.packing.middle import find_sentinels
        from stages.packing.partition import Special

        added, _ = tokenizer_file.added_tokens(tokenizer)
        config = self.config

        def find(key: str, name: str | None, usual: tuple[str, ...]) -> int:
            try:
                return tokenizer_file.find_token(added, (name,) if name else usual)
            except KeyError as error:
                raise ConfigError(str(error.args[0]), (key,)) from None

        end = find("end_token", config.end_token, tokenizer_file.END)
        begin = find("begin_token", config.begin_token, tokenizer_file.BEGIN) if config.begin else -1
        pads = [name for name in tokenizer_file.PAD if name in added]
        pad = find("pad_token", config.pad_token, tokenizer_file.PAD) if config.pad_token or pads else end
        sentinels = np.empty(0, np.int64)
        if config.fill_in_the_middle is not None:
            try:
                sentinels = find_sentinels(added, config.fill_in_the_middle.tokens)
            except KeyError as error:
                raise ConfigError(str(error.args[0]), ("fill_in_the_middle", "tokens")) from None
        return Special(end, begin, pad, sentinels)

    def _partition(self, task: "Task", key: "npt.NDArray[np.uint64]") -> "npt.NDArray[np.int64]":
        """The partition of each order key, in proportion; without a shuffle that of the shard."""
        import numpy as np

        partitions = task.spec.partitions
        if not self.config.shuffle:
            return np.full(len(key), task.shard * partitions // task.shards, np.int64)
        return ((key >> np.uint64(32)) * np.uint64(partitions) >> np.uint64(32)).astype(np.int64)

    def _layout(self, partition: "Partition") -> "Layout":
        import numpy as np

        from stages.packing.middle import rearrange
        from stages.packing.partition import Layout

        count, middle = len(partition), self.config.fill_in_the_middle
        if middle is None or middle.rate == 0:
            return Layout(np.zeros(count, np.uint8), np.zeros((count, 2), np.int64))
        names = partition.documents.domains
        wanted = np.array([middle.domains is None or name in middle.domains for name in names], bool)
        chosen = wanted[partition.documents.arrays["domain"]]
        return Layout(*rearrange(partition.keys, partition.lengths, chosen, middle.rate, middle.second_form))


def _once(batch: "pa.RecordBatch") -> "Iterator[tuple[int, pa.RecordBatch]]":
    yield 0, batch
