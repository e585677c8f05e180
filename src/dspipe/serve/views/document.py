"""One document: by its place in the run, or looked for by its id or URL."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dspipe.pipeline.condition import parse_condition
from dspipe.pipeline.doc_id import ROW_BITS, split
from dspipe.pipeline.errors import DocumentNotFoundError
from dspipe.serve.document_story import read_story
from dspipe.serve.matches import Matches, find_matches
from dspipe.serve.opened import OpenedRun
from dspipe.serve.pages import address, page
from dspipe.serve.site import BadRequestError, run_of, site_of, text_in


async def show(request: Request) -> Response:
    """The page, or the way to it from an id or URL. Raises DocumentNotFoundError."""
    run, wanted = await run_of(request), text_in(request, "find")
    work = site_of(request).long
    if wanted:
        found = await work.once(("find", run.root, run.state, wanted), lambda: _find(run, wanted))
        if not found.count:
            raise DocumentNotFoundError(f"{run.file.name} has no document with the id or URL {wanted}")
        if found.count > 1:
            where = _is_meant(wanted)
            return RedirectResponse(address(run.key, "documents", where=where), 303)
        return RedirectResponse(address(run.key, "document", at="{}.{}".format(*split(int(found.numbers[0])))), 303)
    number = number_of(text_in(request, "at"))
    try:
        story = await work.once(("story", run.root, run.state, number), lambda: read_story(run, number))
    except IndexError as error:
        raise DocumentNotFoundError(str(error)) from None
    return page("document.html", run=run.key, tab="document", story=story)


def number_of(at: str) -> int:
    """The number of the document at `shard.row`. Raises BadRequestError."""
    shard, _, row = at.partition(".")
    parts = [part for part in (shard, row) if part.isascii() and part.isdigit() and len(part) < 10]
    if len(parts) != 2:
        raise BadRequestError(f"a document is named by its shard and row, as in at=0.12, not {at[:40]!r}")
    return (int(shard) << int(ROW_BITS)) | int(row)


def _find(run: OpenedRun, wanted: str) -> Matches:
    return find_matches(run.table, parse_condition(_is_meant(wanted), run.table.columns), "stored", 0)


def _is_meant(wanted: str) -> str:
    quoted = "'" + wanted.replace("'", "''") + "'"
    return f"id = {quoted} or url = {quoted}"
