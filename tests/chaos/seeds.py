"""What fuzzing starts from: small files of every format, made here, and real and broken ones where they are there."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.chaos.mutate import unpacked
from tests.shared import DATA

Maker = Callable[[], list[bytes]]
MAX_SEED = 60_000
ROOT = Path(__file__).parent.parent.parent
_TEXTS = [
    "Plain words, and a second sentence.",
    "naïve 中文 हिन्दी 👩\u200d👧",
    "",
    "a" * 300,
    "line\nline\r\nline",
    "ﬁ\u202e\0x",
]


def seeds(reader: str) -> list[bytes]:
    """Files for a reader, unpacked where that can be; at least one."""
    return [data[:MAX_SEED] for data in {**_MADE, **_real(reader)}[reader]()]


def _real(reader: str) -> dict[str, Maker]:
    folders = {"warc": ("web/real-warc", "web/broken"), "wet": ("web/real-warc", "web/broken")}.get(reader, ())
    files = [path for folder in folders for path in sorted((DATA / folder).glob("*")) if path.is_file()]
    kept = [path for path in files if (".wet" in path.name) == (reader == "wet")]

    def read() -> list[bytes]:
        found = [path.read_bytes() for path in kept]
        # most damage to packed bytes ends there; what is packed again gets through to the reader
        return [*_MADE[reader](), *found, *(text for data in found if (text := unpacked(data)))]

    return {reader: read} if kept else {}


def _jsonl() -> list[bytes]:
    rows = [{"id": n, "text": text, "url": "http://a.example/", "meta": {"date": "2024-01-01"}, "n": [1.5e3, None]}
            for n, text in enumerate(_TEXTS)]  # fmt: skip
    dense = "".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n" for row in rows)
    return ["".join(json.dumps(row) + "\r\n" for row in rows).encode(), dense.encode("utf-8", "replace"), b"", b"\n\n"]


def _csv() -> list[bytes]:
    made = io.StringIO()
    rows = csv.writer(made)
    rows.writerow(["id", "text", "url"])
    rows.writerows([n, text.replace("\0", ""), "http://x/?a,b"] for n, text in enumerate(_TEXTS * 3))
    return [made.getvalue().encode(), b"", b"text\n" + b'"a ""quoted"" one"\n' * 20]


def _files() -> list[bytes]:
    wide = [" ".join(_TEXTS[:2]).encode(name) for name in ("utf-16", "utf-32", "utf-8-sig")]
    return [
        " ".join(_TEXTS).encode(),
        "schöne Grüße, Straße".encode("latin-1"),
        "漢字かな交じり文".encode("shift-jis"),
        b"",
        *wide,
    ]


def _parquet() -> list[bytes]:
    table = pa.table(
        {
            "text": _TEXTS * 4,
            "id": [str(n) for n in range(len(_TEXTS) * 4)],
            "meta": [{"url": "http://x"}] * len(_TEXTS) * 4,
        }
    )
    made = []
    for options in (
        {"compression": "none"},
        {"compression": "zstd", "row_group_size": 7},
        {"compression": "snappy", "use_dictionary": False, "data_page_version": "2.0", "write_page_index": True},
        {"compression": "gzip", "column_encoding": {"text": "DELTA_BYTE_ARRAY"}, "use_dictionary": False},
    ):
        file = io.BytesIO()
        pq.write_table(table, file, **options)
        made.append(file.getvalue())
    coded = table.set_column(0, "text", table.column("text").dictionary_encode())
    file = io.BytesIO()
    pq.write_table(coded, file)
    return [*made, file.getvalue()]


def _record(kind: str, head: bytes, block: bytes, type: str) -> bytes:
    lines = [f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://a.example/x\r\nContent-Type: {type}".encode()]
    lines.append(b"WARC-Record-ID: <urn:uuid:%s>\r\nWARC-Date: 2024-01-01T00:00:00Z" % head)
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(block), b"", block, b"", b""])


def _warc() -> list[bytes]:
    page = b"<html><head><meta charset=utf-8><title>T</title></head><body><p>Words on a page.</p></body></html>"
    plain = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(page) + page
    )
    chunked = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked += b"%x\r\n%s\r\n%x;ext=1\r\n%s\r\n0\r\n\r\n" % (9, page[:9], len(page) - 9, page[9:])
    kind = "application/http; msgtype=response"
    made = _record("warcinfo", b"0", b"software: x\r\n", "application/warc-fields")
    made += b"".join(_record("response", b"%d" % n, block, kind) for n, block in enumerate((plain, chunked) * 2))
    arc = b"http://a.example/ 1.2.3.4 20080430204825 text/html %d\n%s\n" % (len(plain), plain)
    return [made, b"filedesc://x.arc 0.0.0.0 20080430204825 text/plain 20\n1 0 Alexa Internet\n\n" + arc * 3]


def _wet() -> list[bytes]:
    texts = [text.encode("utf-8", "replace") for text in _TEXTS]
    return [b"".join(_record("conversion", b"%d" % n, text, "text/plain") for n, text in enumerate(texts))]


def _config() -> list[bytes]:
    found = [path.read_bytes() for path in sorted((ROOT / "configs").glob("*.yaml"))]
    pages = [path.read_text("utf-8") for path in (ROOT / "docs" / "stages.md", ROOT / "README.md") if path.exists()]
    blocks = [part.split("```")[0] for page in pages for part in page.split("```yaml\n")[1:]]
    head = "name: x\noutput: out\nsources:\n  - {name: s, format: jsonl, path: in}\n"
    whole = [
        block if "sources:" in block else head + (block if "stages:" in block else f"stages:\n{block}")
        for block in blocks
    ]
    return [*found, *(text.encode() for text in whole), (head + "stages: [pii, exact_dedup]\n").encode()]


_MADE: dict[str, Maker] = {
    "jsonl": _jsonl, "csv": _csv, "files": _files, "parquet": _parquet, "warc": _warc, "wet": _wet, "config": _config,
}  # fmt: skip
READERS = tuple(_MADE)
