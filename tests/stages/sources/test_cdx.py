"""Records that a URL index chooses, from WARC files in ranges."""

import gzip
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import ConfigError, UnfitSettingError
from dspipe.pipeline.plan.inputs import input_files
from dspipe.pipeline.source import InputFile
from dspipe.stages.sources import cdx, warc
from dspipe.stages.sources.reading.url_index import choose_records
from dspipe.testing import LocalReading
from tests.engine import planned, run_inline, tasks_run
from tests.pipeline.storage.web_server import WebServer
from tests.stages.sources.crawl import SEGMENT, Crawl, make_crawl

CHINESE = "mime_detected = 'text/html' and languages like 'zho%'"


def source(path: Path | str, root: Path | str, **settings: Any) -> cdx.CdxSource:
    return cdx.CdxSource(cdx.Config(name="crawl", format="cdx", path=str(path), root=str(root), **settings))


def chosen(made: cdx.CdxSource) -> list[InputFile]:
    made.check()
    return input_files(made).files


def read(made: cdx.CdxSource, files: Sequence[InputFile]) -> tuple[list[dict[str, Any]], LocalReading]:
    reading = LocalReading()
    return [row for batch in made.read(files, reading) for row in batch.to_pylist()], reading


def index(path: Path) -> tuple[list[InputFile], Callable[[str, int], None]]:
    return [InputFile(str(path), path.name, None, "")], lambda kind, count: None


def pages(made: cdx.CdxSource) -> list[str]:
    rows, reading = read(made, chosen(made))
    assert not reading.quarantine
    return sorted(row["content"].decode() for row in rows)


@pytest.fixture
def crawl(tmp_path: Path) -> Crawl:
    made = make_crawl()
    made.write(tmp_path)
    return made


def test_both_forms_give_what_reading_everything_gives(crawl: Crawl, tmp_path: Path) -> None:
    (tmp_path / "cdx-00000.gz").write_bytes(crawl.cdxj())
    everything = warc.WarcSource(warc.Config(name="crawl", format="warc", path=f"{SEGMENT}/*.gz", root=f"{tmp_path}/"))
    expected = [row for file in input_files(everything).files for b in everything.read([file], LocalReading())
                for row in b.to_pylist()]  # fmt: skip
    assert len(expected) == 35
    for path in (crawl.write_columnar(tmp_path), tmp_path / "cdx-00000.gz"):
        files = chosen(source(path, tmp_path))
        assert [file.name for file in files] == sorted(crawl.files)
        rows, reading = read(source(path, tmp_path), files)
        # the same ids, places and so on: which way a page was found leaves no trace
        assert rows == expected
        assert reading.counts == {"status 4xx": 5}
        some, _ = read(made := source(path, tmp_path, where=CHINESE), chosen(made))
        assert some == [row for row in expected if "中文" in row["content"].decode()]
        assert len(some) == 7


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ("status = 200 and timestamp like '20240301%' and url like '%/1_'", [10, 12, 14, 16, 18]),
        ("fetch_status = 200 and fetch_time < '2024-03-02' and url like '%/1_'", [10, 12, 14, 16, 18]),
        ("content_mime_detected = 'text/html' and urlkey = 'example,a)/3'", [3]),
        ("\"mime-detected\" = 'text/html' and url_surtkey = 'example,a)/3'", [3]),
        ("filename like '%-00001.warc.gz' and content_languages in ('zho,eng')", [25, 30, 35]),
        ("offset < 500 and warc_record_length > 10 and languages is not null", [0, 1, 21]),
    ],
)
def test_columns_have_both_names_in_both_forms(crawl: Crawl, tmp_path: Path, where: str, numbers: list[int]) -> None:
    (tmp_path / "x.cdxj").write_bytes(gzip.decompress(crawl.cdxj()))
    for path in (crawl.write_columnar(tmp_path), tmp_path / "x.cdxj"):
        assert sorted(int(page.split()[1]) for page in pages(source(path, tmp_path, where=where))) == numbers


def test_folders_of_a_table_are_columns(crawl: Crawl, tmp_path: Path) -> None:
    crawl.write_columnar(tmp_path)
    folder = tmp_path / "cc-index"
    assert len(pages(source(folder, tmp_path, where="crawl = 'CC-MAIN-2024-10' and subset = 'warc'"))) == 35
    with pytest.raises(ConfigError, match=r"of the 40 records .* none is to be read: `subset = 'robots"):
        chosen(source(folder, tmp_path, where="subset = 'robotstxt'"))


def test_nested_columns_are_called_like_flat_ones(crawl: Crawl, tmp_path: Path) -> None:
    path = crawl.write_nested(tmp_path)
    where = "url_host_tld = 'example' and url like 'http%' and url_surtkey like 'example,a)/%' and fetch_status = 200"
    some = pages(source(path, tmp_path, where=f"{where} and timestamp >= '20240302' and {CHINESE}"))
    assert sorted(int(page.split()[1]) for page in some) == [5, 15, 25, 35]


def test_what_a_warc_files_name_says_are_columns_where_nothing_else_says_it(crawl: Crawl, tmp_path: Path) -> None:
    (tmp_path / "x.cdxj").write_bytes(gzip.decompress(crawl.cdxj()))
    where = "crawl = 'CC-MAIN-2024-10' and warc_segment = '17.0' and subset = 'warc'"
    for path in (crawl.write_nested(tmp_path), tmp_path / "x.cdxj"):
        assert len(pages(source(path, tmp_path, where=where))) == 35
        with pytest.raises(ConfigError, match="`subset <> 'warc'` holds for none"):
            chosen(source(path, tmp_path, where="subset <> 'warc'"))


def test_a_field_that_only_later_lines_have_is_found(tmp_path: Path) -> None:
    """As of Common Crawl's files, whose first lines are of hosts that answer with redirects."""
    place = {"filename": f"{SEGMENT}/x.warc.gz", "offset": "1073741823", "length": "9"}
    rows = [dict(place)] * 1100 + [
        {**place, "charset": "UTF-8", "truncated": "length", "redirect": "http://b.example/"}
    ]
    lines = [f"example,a)/{number} 20240301120000 {json.dumps(row)}\n" for number, row in enumerate(rows)]
    (tmp_path / "cdx-00000").write_text("".join(lines))
    for name in ("charset", "encoding", "content_charset", "content_truncated", "fetch_redirect"):
        (file,) = source(tmp_path / "cdx-00000", "s3://b").choose(*index(tmp_path / "cdx-00000"))
        assert file.size == 9  # the same place, once
        table, seen = choose_records(index(tmp_path / "cdx-00000")[0][0], f"{name} is not null")
        assert (table.num_rows, seen) == (1, 1101)


def test_answers_of_an_index_server_are_an_index(crawl: Crawl, tmp_path: Path) -> None:
    answers: list[str] = []
    for line in gzip.decompress(crawl.cdxj()).decode().splitlines():
        urlkey, timestamp, said = line.split(" ", 2)
        fields = json.dumps({"urlkey": urlkey, "timestamp": timestamp, **json.loads(said), "encoding": "UTF-8"})
        # and lines of both forms in one file
        answers.append(fields if len(answers) % 3 else f"{urlkey} {timestamp} {fields}")
    (tmp_path / "answers.jsonl").write_text("\n".join(answers))
    made = source(tmp_path / "answers.jsonl", tmp_path, where="charset = 'UTF-8' and urlkey in ('example,a)/3', 'x')")
    assert [int(page.split()[1]) for page in pages(made)] == [3]
    made = source(tmp_path / "answers.jsonl", tmp_path, where="status = 200 and fetch_time < '2024-03-02'")
    assert len(pages(made)) == 17


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("langages like 'zho%'", "there is no column langages; did you mean languages?"),
        ("content_mime_detcted = 'text/html'", "did you mean content_mime_detected?"),
        ("status = 'ok'", "status is a number, 'ok' is text"),
        ("status =", "isn't a condition"),
    ],
)
def test_a_wrong_condition_is_a_mistake_of_the_config(crawl: Crawl, tmp_path: Path, where: str, message: str) -> None:
    (tmp_path / "x.cdxj").write_bytes(crawl.cdxj())
    for path in (crawl.write_columnar(tmp_path), tmp_path / "x.cdxj"):
        with pytest.raises(ConfigError) as error:
            chosen(source(path, tmp_path, where=where))
        assert message in str(error.value)
        assert error.value.key == ("where",)


def test_the_plan_says_what_is_not_chosen(crawl: Crawl, tmp_path: Path) -> None:
    inputs = input_files(source(crawl.write_columnar(tmp_path), tmp_path, where=CHINESE))
    assert str(inputs.left_out) == "32 records of the index that `where` doesn't choose"
    assert sum(file.size or 0 for file in inputs.files) < sum(map(len, crawl.files.values())) / 4


def edited(path: Path, rows: list[dict[str, Any]], change: dict[str, Any]) -> None:
    Crawl(rows=[{**row, **change} if number == 3 else row for number, row in enumerate(rows)]).write_columnar(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: {"warc_record_length": row["warc_record_length"] - 9}, "aren't the record that an index names"),
        (lambda row: {"warc_record_length": row["warc_record_length"] + 9}, "more than one record is there"),
        (lambda row: {"warc_record_length": 2 * row["warc_record_length"]}, "more than one record is there"),
        (lambda row: {"warc_record_offset": row["warc_record_offset"] + 1}, "no record begins here"),
        (lambda row: {"warc_record_offset": 10**6}, "the file ends at byte"),
        (lambda row: {"warc_record_length": 10**6}, "the file ends at byte"),
        (lambda row: {"warc_record_length": 2**31 - 1}, "more than max_document_bytes"),
    ],
)
@pytest.mark.parametrize("read_through", [0, 1 << 20])
def test_a_range_that_is_no_record_is_quarantined(
    crawl: Crawl, tmp_path: Path, change: Any, message: str, read_through: int
) -> None:
    edited(tmp_path, crawl.rows, change(crawl.rows[3]))
    made = source(tmp_path / "cc-index", tmp_path, read_through=read_through, where="status = 200")
    rows, reading = read(made, chosen(made))
    assert [bad["error"] for bad in reading.quarantine if message not in bad["error"]] == []
    assert len(reading.quarantine) == 1
    assert len(rows) == 34


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"warc_record_length": 0}, "names a record whose place is none"),
        ({"warc_record_offset": -4}, "warc_record_offset -4"),
        ({"warc_filename": None}, "warc_filename None"),
        ({"warc_filename": "nowhere.warc.gz"}, "the index names nowhere.warc.gz, but there is no file"),
    ],
)
def test_places_that_are_none_are_mistakes(crawl: Crawl, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    edited(tmp_path, crawl.rows, change)
    with pytest.raises(ConfigError, match=message):
        chosen(source(tmp_path / "cc-index", tmp_path))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b" CDX N b a m s k r M S V g\nexample,a)/ 20240301 ...\n", "old form"),
        (b"http://a.example/\n", "line 1 is none of a CDXJ file"),
        (b'x)/ 20240301000000 {"url": "http://x/"', "line 1 is none of a CDXJ file"),
        (b'x)/ 20240301000000 {"url": }\n', "no JSON object ends it"),
        (gzip.compress(b'x)/ 2024 {"url": "a"}\n' * 99)[:40], "can't be decompressed"),
        (b'x)/ 20240301000000 {"url": "http://x/", "filename": "a", "offset": "7"}\n', "place is none"),
        (b"PAR1 and no more", "can't be read as an index"),
        (b"", "none is to be read"),
    ],
)
def test_files_that_are_no_index(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "x.cdxj").write_bytes(data)
    with pytest.raises(ConfigError, match=message) as error:
        chosen(source(tmp_path / "x.cdxj", tmp_path))
    assert "\n" not in str(error.value)


def test_no_damage_of_an_index_is_more_than_a_mistake(crawl: Crawl, tmp_path: Path) -> None:
    draw = random.Random(5)
    forms = {"x.parquet": crawl.write_columnar(tmp_path).read_bytes(), "x.cdx.gz": crawl.cdxj()}
    forms["x.cdxj"] = gzip.decompress(forms["x.cdx.gz"])
    told = 0
    for number in range(90):
        name = ("x.parquet", "x.cdx.gz", "x.cdxj")[number % 3]
        data = bytearray(forms[name])
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(data))
            data[at : at + draw.choice((1, 1, 30))] = draw.randbytes(draw.choice((0, 1)))
        (tmp_path / name).write_bytes(data)
        made = source(tmp_path / name, tmp_path, where=CHINESE if number % 2 else None)
        try:
            read(made, chosen(made))
        except ConfigError as error:
            told += 1
            assert "\n" not in str(error)
    assert told > 30


def test_a_table_without_places_is_no_index(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": ["a"], "url": ["b"]}), tmp_path / "x.parquet")
    with pytest.raises(ConfigError, match=r"no URL index: no column warc_filename; there are text, url"):
        chosen(source(tmp_path / "x.parquet", tmp_path))


def config(tmp_path: Path, path: Path, **settings: Any) -> dict[str, Any]:
    cdx_source = {"name": "crawl", "format": "cdx", "path": str(path), "root": str(tmp_path), "where": CHINESE}
    # an engine that has nothing to compile
    stages = [{"extract": {"engine": "resiliparse"}}]
    return {"output": str(tmp_path / "run"), "sources": [cdx_source | settings], "stages": stages}


def test_a_changed_index_or_condition_reads_only_the_files_that_it_changes(tmp_path: Path) -> None:
    crawl = make_crawl(files=6, pages=10)
    crawl.write(tmp_path)
    values = config(tmp_path, crawl.write_columnar(tmp_path), shard_bytes=1)
    first = run_inline(values)
    assert tasks_run(first)["documents"] == 6
    assert first.phases[0].counters["read"] == 10

    # another way to say the same, and another way to fetch it
    same = config(tmp_path, tmp_path / "cc-index", shard_bytes=1, read_through=0, where=f"({CHINESE}) and status > 0")
    assert not tasks_run(run_inline(same))
    there = config(tmp_path, tmp_path / "cc-index", shard_bytes=1, where=f"({CHINESE}) and status = 200")
    assert tasks_run(run_inline(there))["documents"] == 2  # of pages 20 and 55

    crawl.rows = [row for row in crawl.rows if row["url"] != "http://a.example/45"]
    crawl.write_columnar(tmp_path)
    last = run_inline(there)
    assert tasks_run(last)["documents"] == 1
    assert last.phases[0].counters["read"] == 9


def test_names_of_more_records_than_an_array_of_text_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa

    names, records = pa.array(["a" * (32 << 20)]), 65
    places = {"warc_filename": pa.chunked_array([names] * records), "warc_record_offset": list(range(records))}
    table = pa.table({**places, "warc_record_length": [1] * records})
    assert table.nbytes > 2 << 30
    monkeypatch.setattr(cdx, "choose_records", lambda file, where: (table, records))
    (file,) = source("x", "s3://bucket").choose([InputFile("x", "x", 1, "x")], lambda kind, count: None)
    assert file.size == records


def test_chosen_bytes_make_the_shards() -> None:
    files = [InputFile(f"{i}", f"{i:04}", 10_000_000, "x", "x") for i in range(1000)]
    shards = source("x", "").group(files)
    assert [file for shard in shards for file in shard] == files
    assert 20 <= len(shards) <= 60  # of 256 MiB


def test_ranges_over_the_web_are_few_and_short(web: WebServer, tmp_path: Path) -> None:
    crawl = make_crawl(files=2, pages=50, padding=3000)
    web.files = dict(crawl.files)
    rows = [row for row in crawl.rows if row["url"].endswith(("/3", "/4", "/40", "/60"))]
    Crawl(rows=rows).write_columnar(tmp_path)
    gap = rows[0]["warc_record_length"] // 2
    made = source(tmp_path / "cc-index", web.url, read_through=gap)
    read_all, _ = read(made, chosen(made))
    assert sorted(row["url"].rpartition("/")[2] for row in read_all) == ["3", "4", "40", "60"]
    # pages 3 and 4 are neighbours, and each of the others is alone
    assert len(web.asked) == 3
    bounds = [tuple(map(int, asked.removeprefix("bytes=").split("-"))) for asked in web.asked]
    asked = sum(last + 1 - first for first, last in bounds)
    assert asked == sum(row["warc_record_length"] for row in rows)
    assert asked < sum(map(len, crawl.files.values())) / 20
    web.asked.clear()
    made = source(tmp_path / "cc-index", web.url)
    assert read(made, chosen(made))[0] == read_all
    assert len(web.asked) == 2


def test_a_server_without_ranges_gives_whole_files(web: WebServer, tmp_path: Path) -> None:
    crawl = make_crawl()
    web.files, web.ranges = dict(crawl.files), False
    crawl.write_columnar(tmp_path)
    assert len(pages(source(tmp_path / "cc-index", web.url, where=CHINESE, read_through=0))) == 7


def test_an_index_on_the_web(web: WebServer, tmp_path: Path) -> None:
    crawl = make_crawl()
    web.files = {**crawl.files, "index.parquet": crawl.write_columnar(tmp_path).read_bytes()}
    assert len(pages(source(f"{web.url}/index.parquet", web.url, where=CHINESE))) == 7


def test_a_file_that_the_web_has_not_is_named(web: WebServer, tmp_path: Path) -> None:
    crawl = make_crawl()
    crawl.write_columnar(tmp_path)
    made = source(tmp_path / "cc-index", web.url)
    with pytest.raises(UnfitSettingError, match=r"the index names .*00000.warc.gz, but there is no file http"):
        read(made, chosen(made))


def test_an_object_store_is_asked_for_the_records_alone(s3: Any, tmp_path: Path) -> None:
    crawl = make_crawl()
    for name, data in crawl.files.items():
        s3.pipe_file(f"bucket/{name}", data)
    s3.pipe_file("bucket/index/cdx-00000.gz", crawl.cdxj())
    made = source("index/cdx-*.gz", "s3://bucket", where=CHINESE, read_through=0)
    assert len(pages(made)) == 7


def test_the_first_records_of_an_index_can_be_tried(crawl: Crawl, tmp_path: Path) -> None:
    from dspipe.pipeline.run.sample import run_sample

    plan = planned(config(tmp_path, crawl.write_columnar(tmp_path)))
    with run_sample(plan.config, 3) as sample:
        assert sample.failure is None
        assert sample.run is not None
        assert Counter(sample.sources) == {"crawl": 1}
