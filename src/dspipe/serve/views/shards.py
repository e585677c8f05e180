"""Packed shards, and their rows with the borders of documents."""

from starlette.requests import Request
from starlette.responses import Response

from dspipe.pipeline.errors import DocumentNotFoundError
from dspipe.serve.opened import OpenedRun
from dspipe.serve.packed_rows import PackedRows, open_rows, read_row
from dspipe.serve.pages import page
from dspipe.serve.site import number_in, run_of, site_of, text_in
from dspipe.stages.pack.reading.locate import Location, locate_document
from dspipe.stages.pack.reading.shard_files import ShardError

_SHARDS, _SEGMENTS = 500, 500
"""that are listed"""


async def show(request: Request) -> Response:
    """The shards."""
    run = await run_of(request)
    shards = (await _rows_of(request, run)).shards
    firsts = [shards.first_row(shard) for shard in range(min(_SHARDS, len(shards.parts)))]
    parts = list(zip(firsts, shards.parts, strict=False))
    more = len(shards.parts) - len(parts)
    return page("shards.html", run=run.key, tab="shards", manifest=shards.manifest, parts=parts, more=more)


async def row(request: Request) -> Response:
    """A row."""
    run = await run_of(request)
    rows = await _rows_of(request, run)
    number = number_in(request, "number", 0, 10**15)
    try:
        found = await site_of(request).quick.run(lambda: read_row(rows, number))
    except (IndexError, ShardError) as error:
        raise DocumentNotFoundError(str(error)) from None
    return page("row.html", run=run.key, tab="shards", row=found, rows=rows.shards.rows)


async def of_document(request: Request) -> Response:
    """The rows that a document stands in."""
    run, id = await run_of(request), text_in(request, "id")

    def locate() -> list[Location]:
        try:
            return locate_document(run.root, id)
        except ShardError as error:
            raise DocumentNotFoundError(str(error)) from None

    found = await site_of(request).long.once(("located", run.root, run.state, id), locate)
    more = max(0, len(found) - _SEGMENTS)
    return page("located.html", run=run.key, tab="shards", id=id, found=found[:_SEGMENTS], more=more)


async def _rows_of(request: Request, run: OpenedRun) -> PackedRows:
    try:
        return await site_of(request).long.once(("rows", run.root, run.state), lambda: open_rows(run.root))
    except ShardError as error:
        raise DocumentNotFoundError(str(error)) from None
