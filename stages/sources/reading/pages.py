"""From a record of a web archive to a document: HTTP responses whose body is a page."""

from dspipe.pipeline.source import InputFile, Reading
from dspipe.stages.sources.reading.archive import Record
from dspipe.stages.sources.reading.batches import BatchBuilder
from dspipe.stages.sources.reading.http import decoded_body, parse_response
from dspipe.stages.sources.reading.media_type import declared_type, is_text, sniffed_type

CONTENT_TYPES = ("text/html", "application/xhtml+xml", "text/plain")
"""media types of documents, unless a config says others"""
_TYPES = {"warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation"}


def no_page(record: Record) -> str | None:
    """Why a record is no page, by its headers alone; None: it may be one."""
    if record.type != "response":
        return f"record type {record.type if record.type in _TYPES else 'unknown'}"
    content_type = record.headers.get("content-type", "application/http").lower()
    return None if content_type.startswith("application/http") else "response not HTTP"


class Pages:
    """Adds the pages among a source's records to a batch; counts what is none, quarantines what can't be read."""

    def __init__(
        self, source: str, content_types: tuple[str, ...], max_bytes: int, builder: BatchBuilder, reading: Reading
    ) -> None:
        """`source`: its name. `max_bytes`: of a body, decoded."""
        self._source, self._content_types, self._max_bytes = source, content_types, max_bytes
        self._builder, self._reading = builder, reading

    def add(self, file: InputFile, record: Record) -> None:
        """A record that `no_page` has nothing against."""
        place = f"byte {record.position}"
        id = record.id or f"{self._source}/{file.name}/{record.position}"
        try:
            response = parse_response(record.block)
            if not 200 <= response.status < 300:
                self._reading.skipped(f"status {response.status // 100}xx")
                return
            declared = declared_type(response.headers.get("content-type", "")) or _identified(record)
            if declared and not self._wanted(declared):
                self._reading.skipped("media type")
                return
            body = decoded_body(response, self._max_bytes)
            declared = declared or sniffed_type(body, response.headers.get("content-type", ""))
            if not self._wanted(declared):
                self._reading.skipped("media type")
                return
            if not is_text(body, declared):
                self._reading.skipped("body packed or binary")
                return
        except ValueError as error:
            self._reading.bad(file, place, str(error), id, record.url, record=record.block)
            return
        date = record.headers.get("warc-date")
        self._builder.add(file, place, id, content=body, content_type=declared, url=record.url, date=date)

    def _wanted(self, content_type: str) -> bool:
        essence = content_type.partition(";")[0]
        return essence in self._content_types


def _identified(record: Record) -> str:
    """The media type that the crawler found."""
    return declared_type(record.headers.get("warc-identified-payload-type", ""))
