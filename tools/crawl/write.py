"""One shard of a made crawl: its WARC file, and the truth about its pages beside it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tools.crawl.draws import draw
from tools.crawl.pages import Site, site_of, write_main
from tools.crawl.plan import BROKEN, KINDS, NEAR, ORIGINAL, Crawl, Dump, hosts_of
from tools.crawl.records import Capture, Frame, info_record, page_records, record_id
from tools.crawl.sentences import Pool

TRUTH = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("dump", pa.string(), nullable=False),
        pa.field("page", pa.int64(), nullable=False),
        pa.field("copy_of", pa.string()),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("alike", pa.float32(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("broken", pa.string(), nullable=False),
        pa.field("html_bytes", pa.int64(), nullable=False),
    ]
)
"""The truth about each response: WARC-Record-ID without its urn, address, dump, the number of its page (the same for
all copies), the id of the page's first capture (null: it is that one), `original`, `exact` or `near`, the similarity to
the original by shingles of five units, the language of the main text, what is broken (empty: nothing), and its size."""


@dataclass(frozen=True)
class Shard:
    """One file to be made: rows `start` to `stop` of a dump; `path` and `truth` are below the crawl's folder."""

    dump: int
    start: int
    stop: int
    path: str
    truth: str


@dataclass
class Maker:
    """All that the shards of a crawl are made of."""

    crawl: Crawl
    names: list[str]
    hosts: int
    shares: dict[str, float]
    pools: dict[str, Pool]
    frames: list[Frame]
    sites: dict[int, Site] = field(default_factory=dict)

    def site(self, host: int) -> Site:
        """The site of a host's number; those of large hosts are kept."""
        found = self.sites.get(host)
        if found is None:
            found = site_of(self.crawl.seed, host, self.shares, self.pools, self.frames)
            if host < 10_000:
                self.sites[host] = found
        return found

    def write(self, out: Path, shard: Shard) -> int:
        """Make a shard; its compressed bytes. A file that is there is a whole one."""
        target, truth = out / shard.path, out / shard.truth
        target.parent.mkdir(parents=True, exist_ok=True)
        truth.parent.mkdir(parents=True, exist_ok=True)
        dump, name = self.crawl.dumps[shard.dump], self.names[shard.dump]
        rows: list[dict[str, Any]] = []
        part = target.with_name(f".{target.name}.part")
        with part.open("wb", buffering=1 << 20) as file:
            file.write(info_record(self.crawl.seed, target.name, name, _date(name, 0)))
            hosts = hosts_of(self.crawl.seed, dump.page[shard.start : shard.stop], self.hosts).tolist()
            for row, host in zip(range(shard.start, shard.stop), hosts, strict=True):
                members, truths = self.capture(dump, name, row, host)
                file.writelines(members)
                rows.append(truths)
        pq.write_table(pa.Table.from_pylist(rows, TRUTH), truth, compression="zstd")
        part.replace(target)
        return target.stat().st_size

    def capture(self, dump: Dump, name: str, row: int, host: int) -> tuple[list[bytes], dict[str, Any]]:
        """The records of one capture, and the truth about it."""
        seed, number, page = self.crawl.seed, dump.first + row, int(dump.page[row])
        kind, flaw = int(dump.kind[row]), int(dump.broken[row])
        site = self.site(host)
        shown = site if not dump.elsewhere[row] else self.site(draw(seed, 13, number) % self.hosts)
        url = f"https://{shown.host}/{('news', 'blog', 'p', 'archive')[page % 4]}/{page}.html"
        if dump.repeat[row]:
            url += f"?ref={number}"
        main = write_main(seed, page, site.pool, number if kind == NEAR else None)
        text = "".join(f"<p>{paragraph}</p>\n" for paragraph in main.paragraphs)
        frame = shown.frame
        body = text.encode(frame.charset, "xmlcharrefreplace")
        capture = Capture(number, url, shown.host, _date(name, draw(seed, 14, number)), frame.charset, flaw)
        members = page_records(seed, capture, frame.head, body, frame.tail)
        original = int(self.crawl.original[page])
        return members, {
            "id": record_id(seed, number),
            "url": url,
            "dump": name,
            "page": page,
            "copy_of": None if kind == ORIGINAL else record_id(seed, original),
            "kind": KINDS[kind],
            "alike": main.alike,
            "language": site.pool.language,
            "broken": BROKEN[flaw],
            "html_bytes": len(frame.head.raw) + len(body) + len(frame.tail.raw),
        }


def _date(name: str, number: int) -> str:
    """A time in the weeks of a dump."""
    start = np.datetime64(f"{name[8:12]}-01-01T00:00:00") + np.timedelta64(7 * (int(name[13:]) - 1), "D")
    return f"{start + np.timedelta64(number % (14 * 86400), 's')}Z"
