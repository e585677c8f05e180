"""A crawl's URL index: of its WARC files only the records that a condition on the index chooses are read, by range.

`path` names files of the index, in Parquet or CDXJ, and the index names WARC files below `root`. The records chosen are
grouped to shards by WARC file and bytes, so that a changed index, or condition, reads what has changed and the rest of
its shard.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

from pydantic import Field, StringConstraints

from dspipe.kernels.sorted_arrays import run_bounds, starts_run
from dspipe.pipeline.condition import ConditionError, columns_in_condition
from dspipe.pipeline.errors import ConfigError, UnfitSettingError
from dspipe.pipeline.plan.inputs import below_root, expand_variables
from dspipe.pipeline.plan.local_files import local_file
from dspipe.pipeline.quantities import ByteSize, SizeOf
from dspipe.pipeline.source import Domains, InputFile, Reading, Source, SourceConfig
from dspipe.pipeline.storage.filesystem import is_remote
from dspipe.pipeline.storage.ranges import read_ranges
from dspipe.stages.sources.reading.archive import only_record
from dspipe.stages.sources.reading.batches import BatchBuilder, too_long
from dspipe.stages.sources.reading.chosen import pack_places, pieces, unpack_places
from dspipe.stages.sources.reading.guess import guess_format, read_head
from dspipe.stages.sources.reading.pages import CONTENT_TYPES, Pages, no_page
from dspipe.stages.sources.reading.url_index import FILE, LENGTH, START, choose_records

if TYPE_CHECKING:
    import pyarrow as pa


class Config(SourceConfig):
    """Files of a URL index: Common Crawl's columnar index (Parquet), or CDXJ (plain or compressed)."""

    where: str | None = Field(
        None,
        description="which records are read: a condition on the index's columns, by their names in either form of the "
        "index, such as `fetch_status = 200 and languages like 'zho%'`. Default: all of them",
    )
    read_through: Annotated[int, SizeOf] = Field(
        256 << 10,
        ge=0,
        description="gaps between chosen records up to this size are read too, rather than asked around",
    )
    shard_bytes: ByteSize = Field(256 << 20, description="stored bytes of chosen records in a shard, about")
    content_types: tuple[Annotated[str, StringConstraints(to_lower=True)], ...] = Field(
        CONTENT_TYPES, description="media types of documents"
    )


class CdxSource(Source[Config]):
    """Web pages from the records of WARC files that a URL index names."""

    Config = Config
    suffixes = (".parquet", ".cdx", ".cdxj")
    holds_text = False
    typical_document_bytes = 27_000
    # as of whole WARC files
    memory_by_document = 32

    def check(self) -> None:
        if self.config.where is not None:
            try:
                columns_in_condition(self.config.where)
            except ConditionError as error:
                raise ConfigError(str(error), ("where",)) from None

    def choose(self, files: Sequence[InputFile], leave_out: Callable[[str, int], None]) -> list[InputFile]:
        """The WARC files that hold chosen records, with the records' places. Raises ConfigError where a file isn't
        there, or none is chosen."""
        import pyarrow as pa

        with ThreadPoolExecutor(min(len(files), os.cpu_count() or 1)) as pool:
            found = list(pool.map(lambda file: choose_records(file, self.config.where), files))
        table, seen = pa.concat_tables([one for one, _ in found]), sum(rows for _, rows in found)
        if not table.num_rows:
            condition = "" if self.config.where is None else f": `{self.config.where}` holds for none"
            raise ConfigError(f"of the {seen:,} records that the index names none is to be read{condition}", ("where",))
        if table.num_rows < seen:
            leave_out("records of the index that `where` doesn't choose", seen - table.num_rows)
        root = expand_variables(self.config.root)
        return [self._warc_file(root, name, starts, lengths) for name, starts, lengths in _by_file(table)]

    def _warc_file(self, root: str, name: str, starts: Any, lengths: Any) -> InputFile:
        path = below_root(root, name).removeprefix("file://")
        version = "listed"  # as of files that a list of paths names: what a crawl publishes doesn't change
        if not is_remote(path):
            try:
                version = local_file(path).fingerprint
            except (FileNotFoundError, IsADirectoryError):
                raise ConfigError(_no_file(name, path), ("root",)) from None
        parts = pack_places(starts, lengths)
        fingerprint = f"{version}-{sha256(parts.encode()).hexdigest()[:32]}"
        return InputFile(path, name, int(lengths.sum()), fingerprint, parts)

    def check_first_file(self, file: InputFile, stream: BinaryIO) -> frozenset[str]:
        if guess_format(read_head(stream), file.name) not in ("warc", "nothing"):
            raise ConfigError(f"{file.path} is no WARC file of pages, though the index names it", ("root",))
        return frozenset()

    def domains(self) -> Domains:
        return Domains(frozenset({self.config.domain}), certain=True, others=False)

    def read_settings(self) -> dict[str, Any]:
        """What is chosen is in the files' fingerprints, and how it is fetched changes nothing."""
        settings = super().read_settings()
        return {name: value for name, value in settings.items() if name not in ("where", "read_through")}

    def read(self, shard: Sequence[InputFile], reading: Reading) -> Iterator["pa.RecordBatch"]:
        """The pages among the chosen records, with `content` and `content_type`; their text is still to be extracted.
        Raises UnfitSettingError where a WARC file isn't there."""
        builder, most = BatchBuilder(reading), self.config.max_document_bytes
        pages = Pages(self.config.name, self.config.content_types, most, builder, reading)
        for file in shard:
            for start, data in self._stored_records(file, reading):
                record = only_record(data, start, file, reading, no_page, most)
                if record is not None:
                    pages.add(file, record)
                if builder.full:
                    yield builder.take()
        if len(builder):
            yield builder.take()

    def _stored_records(self, file: InputFile, reading: Reading) -> Iterator[tuple[int, bytes]]:
        """The offset and the stored bytes of each record chosen, but for those that are too long or behind the end."""
        starts, lengths = unpack_places(file.parts)
        short = lengths <= self.config.max_document_bytes
        for start, length in zip(starts[~short].tolist(), lengths[~short].tolist(), strict=True):
            error = f"the record has {length} stored bytes, {too_long(self.config.max_document_bytes)}"
            reading.bad(file, f"byte {start}", error)
        wanted = list(pieces(starts[short], lengths[short], self.config.read_through))
        try:
            answers = read_ranges(file.path, [(piece.start, piece.end) for piece in wanted])
            for piece, data in zip(wanted, answers, strict=True):
                for start, end in zip(piece.starts, piece.ends, strict=True):
                    if end - piece.start > len(data):
                        error = f"the file ends at byte {piece.start + len(data)}, and the index has a record of it"
                        reading.bad(file, f"byte {start}", f"{error} at bytes {start} to {end}")
                    else:
                        yield start, data[start - piece.start : end - piece.start]
        except FileNotFoundError:
            raise UnfitSettingError(_no_file(file.name, file.path), ("root",)) from None


def _no_file(name: str, path: str) -> str:
    return f"the index names {name}, but there is no file {path}; root is put before such names"


def _by_file(table: "pa.Table") -> Iterator[tuple[str, Any, Any]]:
    """The records' offsets and lengths by WARC file, in the order of names and offsets, each once."""
    import numpy as np
    import pyarrow.compute as pc

    # the names of millions of records are more than one array of text holds
    encoded = pc.dictionary_encode(table.column(FILE)).combine_chunks()
    by_name = pc.sort_indices(encoded.dictionary)
    files = np.argsort(by_name.to_numpy())[encoded.indices.to_numpy()]
    starts, lengths = table.column(START).to_numpy(), table.column(LENGTH).to_numpy()
    order = np.lexsort((lengths, starts, files))
    files, starts, lengths = files[order], starts[order], lengths[order]
    new = starts_run(files, starts, lengths)
    files, starts, lengths = files[new], starts[new], lengths[new]
    bounds = run_bounds(files).tolist()
    for name, begin, end in zip(encoded.dictionary.take(by_name).to_pylist(), bounds[:-1], bounds[1:], strict=True):
        yield name, starts[begin:end], lengths[begin:end]
