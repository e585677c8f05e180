"""What it costs to read some of a crawl's records by a URL index, beside reading all: requests, bytes, CPU seconds.

    python -m benchmarks.chosen_records --input pages.warc.gz --copies 10

And how fast an index is read, of generated records (`--index-records`).

The input's WARC files are put one behind the other, `--copies` times, into one file as long as a crawl's; which records
are chosen is drawn. Requests and bytes are what a storage would be asked for (tests/stages/sources/test_cdx.py counts
those of a web server); the pages are read from this machine's disk.
"""

import gzip
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.common import bare_parser, count
from dspipe.pipeline.plan.inputs import input_files
from dspipe.pipeline.source import InputFile, Source
from dspipe.stages.sources import cdx, warc
from dspipe.stages.sources.reading.archive import records
from dspipe.stages.sources.reading.chosen import pieces, unpack_places
from dspipe.stages.sources.reading.pages import no_page
from dspipe.stages.sources.reading.url_index import choose_records
from dspipe.testing import LocalReading

_SHARES = (0.01, 0.1, 0.5)
_GAPS = (0, 256 << 10, 1 << 20)


def write_index(folder: Path, archive: Path) -> int:
    """The index of an archive's pages with a random number each, `draw`; how many there are."""
    file = InputFile(str(archive), archive.name, archive.stat().st_size, "")
    every = [
        (int(record.position), no_page(record) is None)
        for record in records(file, LocalReading(), lambda record: None, 1 << 26, 27_000)
    ]
    starts, pages = (np.array(column) for column in zip(*every, strict=True))
    lengths = np.diff(starts, append=archive.stat().st_size)[pages]
    starts = starts[pages]
    draw = np.random.default_rng(1).permutation(len(starts)) / len(starts)
    columns = {"warc_filename": [archive.name] * len(starts), "warc_record_offset": starts}
    pq.write_table(pa.table({**columns, "warc_record_length": lengths, "draw": draw}), folder / "index.parquet")
    return len(starts)


def read(source: Source[Any]) -> tuple[list[InputFile], int, float]:
    """Read a source: its files, its pages, and CPU seconds, those for the index among them."""
    start = time.process_time()
    files, reading = input_files(source).files, LocalReading(batch_bytes=16 << 20)
    rows = sum(batch.num_rows for file in files for batch in source.read([file], reading))
    assert not reading.quarantine, reading.quarantine[:3]
    return files, rows, time.process_time() - start


def measure(folder: Path, archive: Path) -> list[dict[str, Any]]:
    """A row for reading all, then one for each share and gap."""
    size = archive.stat().st_size
    _, rows, seconds = read(warc.WarcSource(warc.Config(name="all", format="warc", path=str(archive))))
    table = [
        {"read": "all, as `warc`", "pages": rows, "requests": -(-size // (16 << 20)), "bytes": size, "cpu_s": seconds}
    ]
    for share in _SHARES:
        for gap in _GAPS:
            settings = {"path": str(folder / "index.parquet"), "root": str(folder), "where": f"draw < {share}"}
            config = cdx.Config(name="some", format="cdx", read_through=gap, **settings)
            files, rows, seconds = read(cdx.CdxSource(config))
            asked = [piece for file in files for piece in pieces(*unpack_places(file.parts), gap)]
            row = {"read": f"{share:.0%}, read_through {gap >> 10} KiB", "pages": rows, "requests": len(asked)}
            table.append(row | {"bytes": sum(piece.end - piece.start for piece in asked), "cpu_s": seconds})
    return table


def index_speed(folder: Path, size: int) -> dict[str, float]:
    """Records of an index per CPU second, when one in a hundred is chosen, in either form."""
    draw = np.random.default_rng(2)
    names = [f"crawl-data/CC-MAIN-2024-10/segments/{i % 100}.1/warc/CC-MAIN-{i:05}.warc.gz" for i in range(9000)]
    file = draw.integers(0, len(names), size)
    columns: dict[str, Any] = {
        "content_languages": np.array(["eng", "deu", "rus", "zho"])[draw.choice(4, size, p=[0.5, 0.29, 0.2, 0.01])],
        "warc_filename": pa.DictionaryArray.from_arrays(pa.array(file), pa.array(names)).dictionary_decode(),
        "warc_record_offset": draw.integers(0, 1 << 30, size).astype(np.int32),
        "warc_record_length": draw.integers(2000, 60_000, size).astype(np.int32),
    }
    table, path = pa.table(columns), folder / "records.parquet"
    pq.write_table(table, path, compression="gzip")
    with gzip.open(folder / "records.cdx.gz", "wt", compresslevel=3) as lines:
        for number, row in enumerate(table.slice(0, size // 20).to_pylist()):
            said = {"url": f"http://example.com/{number}", "mime": "text/html", "status": "200"}
            said |= {"length": str(row["warc_record_length"]), "offset": str(row["warc_record_offset"])}
            said |= {"filename": row["warc_filename"], "languages": row["content_languages"]}
            lines.write(f"com,example)/{number} 20240301120000 {json.dumps(said)}\n")
    speeds = {}
    for form in (path, folder / "records.cdx.gz"):
        start = time.process_time()
        _, seen = choose_records(InputFile(str(form), form.name, None, ""), "languages like 'zho%'")
        speeds["CDXJ" if form != path else "Parquet"] = seen / (time.process_time() - start)
    return speeds


def main() -> None:
    """Print a table, or with --json one object."""
    options = bare_parser(__doc__ or "")
    options.add_argument("--input", nargs="+", required=True, help="WARC files, each record compressed by itself")
    options.add_argument("--copies", type=int, default=10, help="how often they follow each other in the file")
    options.add_argument("--index-records", type=count, default=3_000_000, help="of the generated index")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder, archive = Path(made), Path(made) / "crawl.warc.gz"
        with archive.open("wb") as stream:
            for _ in range(given.copies):
                for path in given.input:
                    stream.write(Path(path).read_bytes())
        pages = write_index(folder, archive)
        table = measure(folder, archive)
        speeds = index_speed(folder, given.index_records)
    if given.json:
        print(json.dumps({"pages": pages, "rows": table, "index_records_per_cpu_s": speeds}))
        return
    print(f"{'read':32} {'pages':>8} {'requests':>9} {'MB':>8} {'of all':>7} {'CPU s':>7}", file=sys.stdout)
    for row in table:
        share = row["bytes"] / table[0]["bytes"]
        print(
            f"{row['read']:32} {row['pages']:8,} {row['requests']:9,} {row['bytes'] / 1e6:8.1f} {share:7.1%} "
            f"{row['cpu_s']:7.2f}"
        )
    for form, speed in speeds.items():
        print(f"an index in {form}: {speed:,.0f} records per CPU second")


if __name__ == "__main__":
    main()
