"""Lines removed that repeat across the pages of a host: menus, footers, notices that no list of phrases knows.

    - host_lines: {}

A line that stands on at least `min_pages` pages of a host, and on at least `share` of them, is removed from them all.
Lines are compared without regard to blanks (`kernels.dedup.text_hash`); what has no letter or digit is left alone. Only
pages that are still kept count, and only documents with an address have a host. Adds `host_lines.removed` (uint32).

The stage sees all pages at once, so it rewrites the text after the text pass: what stages measure there (statistics,
languages, signatures) is of the text before it. Put it where the rest has decided, before the tokenizer.

Phases: each shard sends the hashes of its pages' lines to their host's partition (20 bytes a line, each line once a
page); a partition counts, and sends the lines to remove back; each shard rewrites its text.
"""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, StageConfig

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dspipe.pipeline.tasks.task import Task

_PAGE = 0
"""instead of a line's hash: one for each page, to count them"""


class Config(StageConfig):
    """Settings of `host_lines`."""

    min_pages: int = Field(default=5, ge=2, description="pages of a host that have the line")
    share: float = Field(default=0.3, gt=0, le=1, description="share of the host's pages that have the line")


class HostLines(GlobalStage[Config]):
    """Removes lines that repeat across the pages of a host."""

    Config = Config

    def phases(self, corpus: Corpus) -> list[Phase]:
        """Send, count, rewrite."""
        from dspipe.pipeline.storage.records import partitions_for
        from dspipe.stages.shared.line_hashes import LINE_BYTES, rewrite_phase

        return [
            Phase(
                f"{self.name}.send",
                "shards",
                "send",
                columns=("text", "url", "reason"),
                emits=f"{self.name}.lines",
                partitions=partitions_for(corpus, LINE_BYTES),
            ),
            Phase(
                f"{self.name}.count",
                "partitions",
                "count",
                exchange=f"{self.name}.lines",
                emits=f"{self.name}.found",
                settings=self.config.model_dump(mode="json"),
            ),
            rewrite_phase(self.name, f"{self.name}.found"),
        ]

    def send(self, task: "Task") -> None:
        """Send the lines of every page that is still kept, and one record for the page itself."""
        import numpy as np
        import pyarrow.compute as pc

        from dspipe.pipeline.storage.records import record_batch, rows_kept, spread
        from dspipe.stages.shared.line_hashes import hashes, worded_lines

        for rows, batch in rows_kept(task, ["text", "url"]):
            address = pc.extract_regex(batch["url"], r"^[A-Za-z][A-Za-z0-9+.-]*://(?P<host>[^/?#]+)")
            hosts = pc.struct_field(address, "host")
            known = pc.is_valid(hosts)
            rows = rows[known.to_numpy(zero_copy_only=False)]
            host = hashes(pc.utf8_lower(hosts.filter(known)))
            owners, found, _ = worded_lines(pc.split_pattern(batch["text"].filter(known), "\n"))
            owner = np.concatenate([np.arange(len(rows)), owners])
            line = np.concatenate([np.full(len(rows), _PAGE, np.uint64), hashes(found)])
            order = np.lexsort((line, owner))
            owner, line = owner[order], line[order]
            first = np.ones(len(line), bool)
            first[1:] = (owner[1:] != owner[:-1]) | (line[1:] != line[:-1])
            owner, line = owner[first], line[first]
            records = record_batch({"host": host[owner], "line": line, "row": rows[owner]})
            task.emit(spread(host[owner], task.partitions), records)

    def count(self, task: "Task") -> None:
        """Find the lines that repeat, and send them back to the pages that have them."""
        import numpy as np

        from dspipe.pipeline.storage.records import record_batch

        hosts, lines, rows, senders = [], [], [], []
        for sender, batch in task.received():
            hosts.append(batch["host"].to_numpy())
            lines.append(batch["line"].to_numpy())
            rows.append(batch["row"].to_numpy())
            senders.append(np.full(batch.num_rows, sender, np.uint32))
        if not hosts:
            return
        host, line, row, sender_of = map(np.concatenate, (hosts, lines, rows, senders))
        order = np.lexsort((line, host))
        host, line = host[order], line[order]
        begins = np.ones(len(order), bool)
        begins[1:] = (host[1:] != host[:-1]) | (line[1:] != line[:-1])
        starts = np.flatnonzero(begins)
        pages_with = np.diff(np.append(starts, len(order)))
        # the records of the pages themselves are each host's first group
        is_page = line[starts] == _PAGE
        pages = pages_with[is_page][np.cumsum(is_page) - 1]
        repeats = ~is_page & (pages_with >= self.config.min_pages) & (pages_with >= self.config.share * pages)
        chosen = np.repeat(repeats, pages_with)
        task.count("lines", int(repeats.sum()))
        back = record_batch({"row": row[order[chosen]], "line": line[chosen]})
        task.emit(sender_of[order[chosen]].astype(np.int64), back)

    def rewrite(self, task: "Task") -> None:
        """Remove them."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        from dspipe.stages.shared.line_hashes import hashes, worded_lines, write_texts

        keys = [_keys(batch["row"].to_numpy(), batch["line"].to_numpy()) for _, batch in task.received()]
        found = np.sort(np.concatenate(keys)) if keys else np.empty(0, np.uint64)
        first = 0
        for batch in task.rows(["text", "text_bytes"]):
            texts = batch["text"].cast(pa.large_string())
            split = pc.split_pattern(pc.fill_null(texts, ""), "\n")
            owners, lines, places = worded_lines(split)
            removed = np.zeros(len(split.flatten()), bool)
            removed[places] = np.isin(_keys(first + owners, hashes(lines)), found)
            write_texts(task, self.name, batch, split, removed)
            first += batch.num_rows


def _keys(rows: "npt.NDArray[Any]", lines: "npt.NDArray[np.uint64]") -> "npt.NDArray[np.uint64]":
    """One hash of a row and a line of it. Among the n lines of a shard a false one has the probability n^2 / 2^64."""
    import numpy as np

    from dspipe.pipeline.storage.records import mixed

    return mixed(mixed(rows.astype(np.uint64)) + lines)
