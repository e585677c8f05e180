"""What all source formats share: how large documents may be, one shard a file, what a read depends on."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from dspipe.pipeline.source import InputFile, Reading, Source, SourceConfig, raw_schema


class Lines(Source[SourceConfig]):
    Config = SourceConfig

    def read(self, shard: Sequence[InputFile], reading: Reading) -> Iterator[pa.RecordBatch]:
        return iter(())


def lines(**settings: Any) -> Lines:
    return Lines(SourceConfig.model_validate({"name": "a", "format": "lines", "path": "x", **settings}))


def test_documents_fit_the_memory_unless_the_config_says_how_large_they_are() -> None:
    assert lines().within(2 << 30).config.max_document_bytes == 64 << 20
    assert lines().within(80 << 20).config.max_document_bytes == 10 << 20
    assert lines(max_document_bytes="1GB").within(80 << 20).config.max_document_bytes == 10**9
    given = lines(domain="books")
    assert given.within(1 << 20).config.domain == "books"
    assert given.config.max_document_bytes == 64 << 20  # the given one is left as it is


def test_each_file_is_a_shard() -> None:
    files = [InputFile(f"/in/{n}", str(n), n, "") for n in range(3)]
    assert lines().group(files) == [(file,) for file in files]


def test_where_the_files_lie_is_nothing_that_a_read_depends_on() -> None:
    one = lines(path="a/*", root="s3://x/", limit=3)
    assert one.read_settings() == lines(path="b/*").read_settings()
    assert one.read_settings() != lines(domain="books").read_settings()


def test_batches_have_an_id_and_a_place() -> None:
    assert [field.name for field in raw_schema() if not field.nullable] == ["id", "place"]
