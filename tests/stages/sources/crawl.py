"""A small crawl: WARC files of pages, and the index of their URLs in both forms."""

import gzip
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.stages.sources.test_warc import record, response

SEGMENT = "crawl-data/CC-MAIN-2024-10/segments/17.0/warc"


@dataclass
class Crawl:
    """Pages in `files` by the WARC file's name; `rows` as the columnar index has them."""

    files: dict[str, bytes] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """The WARC files, below a folder."""
        for name, data in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)

    def write_nested(self, folder: Path) -> Path:
        """The index in Parquet with columns of columns, and times as Spark writes them (INT96)."""
        rows = [
            {
                "url": {
                    "surtkey": row["url_surtkey"], "url": row["url"],
                    "host": {"name": row["url_host_name"], "tld": "example"},
                },
                "fetch": {"time": row["fetch_time"], "status": row["fetch_status"]},
                "content": {"mime_detected": row["content_mime_detected"], "languages": row["content_languages"]},
                "warc": {
                    "filename": row["warc_filename"], "record_offset": row["warc_record_offset"],
                    "record_length": row["warc_record_length"], "segment": row["warc_segment"],
                },
            }
            for row in self.rows
        ]  # fmt: skip
        path = folder / "nested.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=7, use_deprecated_int96_timestamps=True)
        return path

    def write_columnar(self, folder: Path, row_group_size: int = 7) -> Path:
        """The index in Parquet, as Common Crawl lays it out."""
        path = folder / "cc-index/table/cc-main/warc/crawl=CC-MAIN-2024-10/subset=warc/part-0.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        schema = pa.schema(
            [
                ("url_surtkey", pa.string()),
                ("url", pa.string()),
                ("url_host_name", pa.string()),
                ("fetch_time", pa.timestamp("ms")),
                ("fetch_status", pa.int16()),
                ("content_mime_type", pa.string()),
                ("content_mime_detected", pa.string()),
                ("content_languages", pa.string()),
                ("warc_filename", pa.string()),
                ("warc_record_offset", pa.int32()),
                ("warc_record_length", pa.int32()),
                ("warc_segment", pa.string()),
            ]
        )
        pq.write_table(pa.Table.from_pylist(self.rows, schema), path, row_group_size=row_group_size)
        return path

    def cdxj(self) -> bytes:
        """The index as lines, in gzip members of a few lines each."""
        names = {
            "url": "url",
            "content_mime_type": "mime",
            "content_mime_detected": "mime-detected",
            "fetch_status": "status",
            "warc_record_length": "length",
            "warc_record_offset": "offset",
            "warc_filename": "filename",
            "content_languages": "languages",
        }
        lines = []
        for row in self.rows:
            said = {theirs: str(row[ours]) for ours, theirs in names.items() if row[ours] is not None}
            lines.append(f"{row['url_surtkey']} {row['fetch_time']:%Y%m%d%H%M%S} {json.dumps(said)}\n".encode())
        return b"".join(gzip.compress(b"".join(lines[at : at + 5])) for at in range(0, len(lines), 5))


def make_crawl(files: int = 2, pages: int = 20, padding: int = 0) -> Crawl:
    """Every fifth page is in Chinese, every seventh not there any more; `padding` makes pages so much longer."""
    crawl, number = Crawl(), 0
    for file in range(files):
        name, data = f"{SEGMENT}/CC-MAIN-{file:05}.warc.gz", bytearray(gzip.compress(record("warcinfo", b"")))
        for _ in range(pages):
            url, chinese, gone = f"http://a.example/{number}", number % 5 == 0, number % 7 == 6
            body = f"<p>{'中文' if chinese else 'English'} {number} {number * 7919**3 % 10**9:09}".encode()
            body += b"".join(b"%d " % (number * i * 7919 % 65521) for i in range(padding // 6))
            stored = gzip.compress(record("response", response(body, "404 Gone" if gone else "200 OK"), number, url))
            crawl.rows.append(
                {
                    "url_surtkey": f"example,a)/{number}",
                    "url": url,
                    "url_host_name": "a.example",
                    "fetch_time": datetime(2024, 3, 1 + number % 2, 12),
                    "fetch_status": 404 if gone else 200,
                    "content_mime_type": "text/html",
                    "content_mime_detected": "text/html",
                    "content_languages": "zho,eng" if chinese else None if gone else "eng",
                    "warc_filename": name,
                    "warc_record_offset": len(data),
                    "warc_record_length": len(stored),
                    "warc_segment": "17.0",
                }
            )
            data += stored
            number += 1
        crawl.files[name] = bytes(data)
    crawl.rows.sort(key=lambda row: row["url_surtkey"])
    return crawl
