"""WARC, ARC and WET: every kind of record, coding and compression, and damage anywhere."""

import bz2
import gzip
import lzma
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from fastwarc.stream_io import BrotliWriter, Lz4Writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dspipe.stages.sources import warc, wet
from dspipe.testing import LocalReading
from tests.shared import shared
from tests.stages.sources.read_shard import input_file, read_all

HTML = b"<html><body><p>Some words on a page.</p></body></html>"


def record(type: str, block: bytes, number: int = 0, url: str = "http://a.example/", **headers: str) -> bytes:
    fields = {
        "WARC-Type": type,
        "WARC-Record-ID": f"<urn:uuid:00000000-0000-0000-0000-{number:012}>",
        "WARC-Date": "2024-03-01T00:00:00Z",
        "WARC-Target-URI": url,
        "Content-Type": "application/http; msgtype=response" if type == "response" else "text/plain",
        "Content-Length": str(len(block)),
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return b"WARC/1.0\r\n" + head.encode() + b"\r\n" + block + b"\r\n\r\n"


def response(body: bytes = HTML, status: str = "200 OK", **headers: str) -> bytes:
    fields = {"Content-Type": "text/html; charset=utf-8"} | {k.replace("_", "-"): v for k, v in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def pages(count: int) -> list[bytes]:
    return [record("response", response(HTML + b"%d" % i), i, f"http://a.example/{i}") for i in range(count)]


def read_warc(path: Path, **settings: Any) -> tuple[list[dict[str, Any]], LocalReading]:
    return read_all(warc.WarcSource(warc.Config(name="crawl", format="warc", path="", **settings)), [path])


def read_wet(path: Path) -> tuple[list[dict[str, Any]], LocalReading]:
    return read_all(wet.WetSource(wet.Config(name="crawl", format="wet", path="")), [path])


def read_bytes(tmp_path: Path, data: bytes, **settings: Any) -> tuple[list[dict[str, Any]], LocalReading]:
    path = tmp_path / "x.warc"
    path.write_bytes(data)
    return read_warc(path, **settings)


def lz4(data: bytes, tmp_path: Path) -> bytes:
    path = tmp_path / "frame.lz4"
    with path.open("wb") as stream:
        writer = Lz4Writer(stream)
        writer.write(data)
        writer.close()
    return path.read_bytes()


def brotli(data: bytes, tmp_path: Path) -> bytes:
    path = tmp_path / "stream.br"
    with path.open("wb") as stream:
        writer = BrotliWriter(stream)
        writer.write(data)
        writer.close()
    return path.read_bytes()


def test_a_page_comes_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    rows, reading = read_bytes(tmp_path, record("warcinfo", b"software: x") + pages(1)[0])
    assert [row for row in rows if row["text"] is None] == rows
    (row,) = rows
    assert row["content"] == HTML + b"0"
    assert row["content_type"] == "text/html; charset=utf-8"
    assert row["url"] == "http://a.example/0"
    assert row["date"] == "2024-03-01T00:00:00Z"
    assert row["id"] == "00000000-0000-0000-0000-000000000000"
    assert row["place"].startswith("x.warc byte ")
    assert not reading.quarantine
    assert reading.counts == {"record type warcinfo": 1}


def test_what_is_no_document_is_counted(tmp_path: Path) -> None:
    data = [
        record("request", b"GET / HTTP/1.1\r\n\r\n"),
        record("revisit", response()),
        record("strange", b""),
        record("response", b"20240301 dns", Content_Type="text/dns"),
        record("response", response(status="301 Moved")),
        record("response", response(status="404 Not Found")),
        record("response", response(b"GIF89a", Content_Type="image/gif")),
        record("response", response(b"", status="204 No Content", Content_Type="")),
    ]
    rows, reading = read_bytes(tmp_path, b"".join(data))
    assert not rows
    assert not reading.quarantine
    assert reading.counts == {
        "record type request": 1,
        "record type revisit": 1,
        "record type unknown": 1,
        "response not HTTP": 1,
        "status 3xx": 1,
        "status 4xx": 1,
        "media type": 2,
    }


def test_media_types_are_found_where_none_is_declared(tmp_path: Path) -> None:
    data = record("response", response(Content_Type="")) + record(
        "response", response(b"words", Content_Type=""), 1, WARC_Identified_Payload_Type="text/plain"
    )
    rows, _ = read_bytes(tmp_path, data)
    assert [row["content_type"] for row in rows] == ["text/html", "text/plain"]


@pytest.mark.parametrize(
    ("declared", "wanted"),
    [
        ("Text/HTML; Charset=UTF-8", "text/html; charset=UTF-8"),
        ("text/html, text/html", "text/html"),
        ("html", "text/html"),
        ("text/html charset=latin1", "text/html; charset=latin1"),
        ("text/plain", "text/plain"),
        ("image/png, text/html", "text/html"),
    ],
)
def test_media_types_as_servers_write_them(tmp_path: Path, declared: str, wanted: str) -> None:
    (row,), _ = read_bytes(tmp_path, record("response", response(Content_Type=declared)))
    assert row["content_type"] == wanted
    assert row["content"] == HTML


def test_media_types_of_the_config_are_in_any_case(tmp_path: Path) -> None:
    data = record("response", response(Content_Type="text/CSV"))
    rows, _ = read_bytes(tmp_path, data, content_types=("Text/csv",))
    assert len(rows) == 1


def test_bodies_that_stay_packed_are_counted_not_read(tmp_path: Path) -> None:
    packed = [gzip.compress(HTML), bz2.compress(HTML), lzma.compress(HTML), brotli(HTML * 9, tmp_path), b"\x89PNG\r\n"]
    data = [record("response", response(body), i) for i, body in enumerate(packed)]
    data.append(record("response", response(bz2.compress(HTML), Content_Encoding="bzip2"), 9))
    rows, reading = read_bytes(tmp_path, b"".join(data) + pages(1)[0])
    assert len(rows) == 1
    assert not reading.quarantine
    assert reading.counts == {"body packed or binary": 6}


def test_an_interim_response_is_passed_over(tmp_path: Path) -> None:
    block = b"HTTP/1.1 100 Continue\r\n\r\n" + response()
    (row,), _ = read_bytes(tmp_path, record("response", block))
    assert row["content"] == HTML


def test_a_dictionary_in_the_first_frame_serves_behind_damage_too(tmp_path: Path) -> None:
    dictionary = zstandard.train_dictionary(4096, [*pages(500)])
    compressor = zstandard.ZstdCompressor(dict_data=dictionary, write_checksum=True)
    frames = [compressor.compress(page) for page in pages(20)]
    for form in (dictionary.as_bytes(), zstandard.compress(dictionary.as_bytes())):
        head = (0x184D2A5D).to_bytes(4, "little") + len(form).to_bytes(4, "little") + form
        rows, reading = read_bytes(tmp_path, head + b"".join(frames))
        assert [row["content"] for row in rows] == [HTML + b"%d" % i for i in range(20)]
        assert rows[1]["place"] == f"x.warc byte {len(head) + len(frames[0])}"
        damaged = bytearray(head + b"".join(frames))
        place = len(head) + sum(map(len, frames[:7])) + 20
        damaged[place : place + 8] = bytes(8)
        rows, reading = read_bytes(tmp_path, bytes(damaged))
        assert [row["content"] for row in rows] == [HTML + b"%d" % i for i in range(20) if i != 7]
        assert [bad["records"] for bad in reading.quarantine] == [1]


@pytest.mark.parametrize(
    "pack",
    [
        lambda records, _: b"".join(records),
        lambda records, _: b"".join(map(gzip.compress, records)),
        lambda records, _: b"".join(gzip.compress(r) + b"\0" * 300 for r in records),
        lambda records, _: gzip.compress(b"".join(records)),
        lambda records, _: b"".join(map(zstandard.compress, records)),
        lambda records, _: zstandard.compress(b"".join(records)),
        lambda records, _: b"".join(map(bz2.compress, records)),
        lambda records, _: lzma.compress(b"".join(records)),
        lambda records, tmp: b"".join(lz4(r, tmp) for r in records),
        lambda records, tmp: lz4(b"".join(records), tmp),
    ],
)
def test_every_compression_gives_the_same_documents(tmp_path: Path, pack: Callable[[list[bytes], Path], bytes]) -> None:
    rows, reading = read_bytes(tmp_path, pack(pages(300), tmp_path))
    assert [row["content"] for row in rows] == [HTML + b"%d" % i for i in range(300)]
    assert len({row["place"] for row in rows}) == 300
    assert not reading.quarantine


def test_records_without_an_id_are_named_by_their_place(tmp_path: Path) -> None:
    records = [record("response", response(), WARC_Record_ID="") for _ in range(3)]
    rows, _ = read_bytes(tmp_path, b"".join(records))
    assert [row["id"] for row in rows] == [f"crawl/x.warc/{i * len(records[0])}" for i in range(3)]
    rows, _ = read_bytes(tmp_path, gzip.compress(b"".join(records)))
    assert [row["id"] for row in rows] == [
        "crawl/x.warc/0",
        f"crawl/x.warc/0+{len(records[0])}",
        f"crawl/x.warc/0+{2 * len(records[0])}",
    ]


def test_codings_of_the_body_are_undone(tmp_path: Path) -> None:
    half = len(HTML) // 2
    chunks = b"%x\r\n%b\r\n%X;note=1\r\n%b\r\n0\r\n\r\n" % (half, HTML[:half], len(HTML) - half, HTML[half:])
    packed = gzip.compress(HTML)
    bodies = [
        response(chunks, Transfer_Encoding="chunked"),
        response(packed, Content_Encoding="gzip"),
        response(zlib.compress(HTML), Content_Encoding="deflate"),
        response(zlib.compress(HTML)[2:-4], Content_Encoding="deflate"),
        response(brotli(HTML, tmp_path), Content_Encoding="br"),
        response(zstandard.compress(HTML), Content_Encoding="zstd"),
        response(
            b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed), Transfer_Encoding="chunked", Content_Encoding="gzip"
        ),
        # the crawler undid the coding and left the header
        response(HTML, Transfer_Encoding="chunked", Content_Encoding="gzip"),
        response(HTML, Content_Encoding="br"),
        response(HTML, Content_Encoding="deflate"),
        response(HTML, Content_Encoding="identity"),
    ]
    rows, reading = read_bytes(tmp_path, b"".join(record("response", body, i) for i, body in enumerate(bodies)))
    assert not reading.quarantine
    assert [row["content"] for row in rows] == [HTML] * len(bodies)


def test_damaged_bodies_are_quarantined_with_their_place(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(HTML * 50))
    packed[30] ^= 255
    bodies = [
        response(b"5\r\nabcde\r\nnonsense\r\n", Transfer_Encoding="chunked"),
        response(bytes(packed), Content_Encoding="gzip"),
        response(b"\xff" * 50, Content_Encoding="br"),
        response(b"\x28\xb5\x2f\xfd" + b"\xff" * 50, Content_Encoding="zstd"),
        b"not HTTP at all",
    ]
    records = [record("response", body, i) for i, body in enumerate(bodies)] + pages(1)
    rows, reading = read_bytes(tmp_path, b"".join(records))
    assert len(rows) == 1
    places = [f"byte {sum(map(len, records[:i]))}" for i in range(len(bodies))]
    assert [bad["place"] for bad in reading.quarantine] == places
    assert all(bad["error"] and bad["id"] and bad["url"] for bad in reading.quarantine)


def test_too_large_records_and_bodies_are_quarantined(tmp_path: Path) -> None:
    bomb = record("response", response(gzip.compress(b" " * 5_000_000), Content_Encoding="gzip"), 1)
    large = record("response", response(b"x" * 50_000), 2)
    rows, reading = read_bytes(tmp_path, bomb + large + pages(1)[0], max_document_bytes=20_000)
    assert len(rows) == 1
    assert ["max_document_bytes = 20000" in bad["error"] for bad in reading.quarantine] == [True, True]


def test_damage_costs_one_record(tmp_path: Path) -> None:
    records = [gzip.compress(page) for page in pages(20)]
    place = sum(map(len, records[:7]))
    damaged = bytearray(b"".join(records))
    damaged[place + 40 : place + 60] = bytes(20)
    rows, reading = read_bytes(tmp_path, bytes(damaged))
    assert [row["url"] for row in rows] == [f"http://a.example/{i}" for i in range(20) if i != 7]
    (bad,) = reading.quarantine
    assert bad["place"] == f"byte {place}"
    assert f"byte {place + len(records[7])}" in bad["error"]


def test_wrong_lengths_in_a_plain_file_cost_the_record(tmp_path: Path) -> None:
    good = pages(4)
    for wrong in ("10", "100000", "x", "-1", "٣"):
        broken = record("response", response(), 9, Content_Length=wrong)
        rows, reading = read_bytes(tmp_path, good[0] + good[1] + broken + good[2] + good[3])
        assert [row["url"] for row in rows] == [f"http://a.example/{i}" for i in range(4)]
        assert [bad["place"] for bad in reading.quarantine] == [f"byte {len(good[0] + good[1])}"]


def test_an_early_end_is_never_quiet(tmp_path: Path) -> None:
    records = [gzip.compress(page) for page in pages(4)]
    data = b"".join(records)
    ends = {sum(map(len, records[:i])): i for i in range(5)}
    for cut in range(0, len(data) + 1, 3):
        rows, reading = read_bytes(tmp_path, data[:cut])
        whole = max(i for end, i in ends.items() if end <= cut)
        assert len(rows) == whole
        assert bool(reading.quarantine) == (cut not in ends)


@pytest.mark.parametrize("one_frame", [False, True])
def test_damage_is_weighed_by_its_bytes(tmp_path: Path, one_frame: bool) -> None:
    texts = [HTML + random.Random(i).randbytes(1000).hex().encode() for i in range(2000)]
    records = [record("response", response(text), i) for i, text in enumerate(texts)]
    data = bytearray(gzip.compress(b"".join(records)) if one_frame else b"".join(map(gzip.compress, records)))
    data[len(data) // 2 :] = random.Random(1).randbytes(len(data) - len(data) // 2)
    rows, reading = read_bytes(tmp_path, bytes(data))
    assert 950 <= len(rows) <= 1005
    assert sum(bad["records"] for bad in reading.quarantine) == pytest.approx(1000, abs=90)
    assert reading.quarantine[-1]["estimated"]


def test_a_file_that_is_no_archive_is_weighed_by_its_size(tmp_path: Path) -> None:
    rows, reading = read_bytes(tmp_path, b"no records\n" * 100_000)
    assert not rows
    (bad,) = reading.quarantine
    assert (bad["records"], bad["estimated"]) == (round(1_100_000 / 27_000), True)


def test_an_empty_file_is_no_damage(tmp_path: Path) -> None:
    rows, reading = read_bytes(tmp_path, b"")
    assert not rows
    assert not reading.quarantine


def test_errors_of_the_storage_are_no_damage(tmp_path: Path) -> None:
    class Failing(LocalReading):
        def open(self, file: Any) -> Any:
            stream = super().open(file)
            read = stream.read
            answers = iter([read(100)])

            class Stream:
                def read(self, size: int = -1) -> bytes:
                    try:
                        return next(answers)
                    except StopIteration:
                        raise OSError("connection lost") from None

                def close(self) -> None:
                    stream.close()

            return Stream()

    for data in (b"".join(pages(3)), gzip.compress(pages(1)[0]), lz4(pages(1)[0], tmp_path)):
        path = tmp_path / "y.warc"
        path.write_bytes(data)
        source = warc.WarcSource(warc.Config(name="crawl", format="warc", path=""))
        with pytest.raises(OSError, match="connection lost"):
            list(source.read([input_file(path)], Failing()))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=30)), min_size=1, max_size=4),
    st.sampled_from(["plain", "gzip", "one", "zstd", "lz4"]),
)
def test_no_damage_stops_reading(tmp_path: Path, damage: list[tuple[int, bytes]], form: str) -> None:
    records = pages(8)
    packers: dict[str, Callable[[], bytes]] = {
        "plain": lambda: b"".join(records),
        "gzip": lambda: b"".join(map(gzip.compress, records)),
        "one": lambda: gzip.compress(b"".join(records)),
        "zstd": lambda: b"".join(map(zstandard.ZstdCompressor(write_checksum=True).compress, records)),
        "lz4": lambda: b"".join(lz4(r, tmp_path) for r in records),
    }
    data = bytearray(packers[form]())
    for place, junk in damage:
        data[place % len(data) : place % len(data) + len(junk)] = junk
    rows, reading = read_bytes(tmp_path, bytes(data))
    assert len({row["place"] for row in rows}) == len(rows) <= 8
    if form in ("gzip", "zstd", "lz4"):
        # 30 bytes hit two neighbouring frames at most
        assert len(rows) + sum(reading.counts.values()) + 2 * len(damage) >= 8
    if form in ("gzip", "zstd"):
        # with check sums nothing false gets through
        assert {row["content"] for row in rows} <= {HTML + b"%d" % i for i in range(8)}


def test_an_arc_file_gives_what_the_warc_file_gives() -> None:
    arc, _ = read_warc(shared("web/real-warc/heritrix-2008-example.arc.gz"))
    rows, reading = read_warc(shared("web/real-warc/heritrix-2008-example.warc.gz"))
    assert [(row["url"], row["content"], row["date"]) for row in arc] == [
        (row["url"], row["content"], row["date"]) for row in rows
    ]
    assert len(rows) == 130
    assert reading.counts["record type request"] == 261


def test_arc_records_made_by_hand(tmp_path: Path) -> None:
    head = b"filedesc://x.arc 0.0.0.0 20080430204825 text/plain 5\nabcde\n"
    block = response()
    line = b"http://a.example/ 1.2.3.4 20080430204826 text/html %d\n" % len(block)
    rows, reading = read_bytes(tmp_path, head + line + block + b"\n" + line + block + b"\n")
    assert [row["content"] for row in rows] == [HTML, HTML]
    assert {row["date"] for row in rows} == {"2008-04-30T20:48:26Z"}
    assert not reading.quarantine


@pytest.mark.parametrize(
    ("name", "documents", "bad"),
    [
        ("IAH-blackbook-truncated.warc.gz", 3, 0),
        ("bad.arc", 0, 1),
        ("clipped.warc.gz", 0, 1),
        ("crlf_at_1k_boundary.warc.gz", 1, 0),
        ("example-bad.warc.gz.bad", 1, 0),
        ("example-space-in-target-uri.warc.gz", 0, 0),
        ("example-trunc.warc", 0, 1),
        ("example-wrong-chunks.warc.gz", 1, 0),
        ("transfer_compression_gzip.warc", 1, 0),
        ("appended_zip_fragment_unexpected_eof.wet.gz", 15, 1),
        ("corrupt_starts_with_conversion.wet.gz", 5, 0),
        ("corrupt_two_warcinfo.wet.gz", 5, 0),
        ("corrupt_warcinfo_1.wet.gz", 5, 0),
        ("file_headers_only.wet.gz", 0, 1),
    ],
)
def test_broken_archives(name: str, documents: int, bad: int) -> None:
    path = shared(f"web/broken/{name}")
    rows, reading = read_wet(path) if ".wet" in name else read_warc(path)
    assert (len(rows), len(reading.quarantine)) == (documents, bad)


def test_real_archives_in_every_form() -> None:
    rows, reading = read_warc(shared("web/real-warc/cc-main-2020-34-slice.warc.gz"))
    lz4_rows, _ = read_warc(shared("web/real-warc/cc-main-2020-34-slice.warc.lz4"))
    assert [row | {"place": ""} for row in rows] == [row | {"place": ""} for row in lz4_rows]
    assert len(rows) == 16
    assert not reading.quarantine
    one, _ = read_wet(shared("web/real-warc/cc-main-2016-50-slice.warc.wet.gz"))
    many, _ = read_wet(shared("web/real-warc/cc-main-2016-50-slice.recompressed.warc.wet.gz"))
    assert [row["text"] for row in one] == [row["text"] for row in many]
    assert len(one) == 25


def test_wet_text_is_kept_as_it_is(tmp_path: Path) -> None:
    data = record("warcinfo", b"") + record("conversion", "Grüße\n\nnul\0 ".encode() + b"\xff.", 3)
    path = tmp_path / "x.wet"
    path.write_bytes(data)
    rows, reading = read_wet(path)
    assert [row["text"] for row in rows] == ["Grüße\n\nnul\ufffd \ufffd."]
    assert rows[0]["content"] is None
    assert reading.counts == {"record type warcinfo": 1}
