"""One document: by its place in the run, or looked for by its id or URL."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dspipe.pipeline.doc_id import join
from dspipe.pipeline.errors import DocumentNotFoundError
from dspipe.pipeline.inspection.find_documents import find_documents, name_nearest
from dspipe.serve.document_story import read_story
from dspipe.serve.filters import quoted
from dspipe.serve.opened import OpenedRun
from dspipe.serve.pages import address, page
from dspipe.serve.site import BadRequestError, run_of, site_of, text_in


async def show(request: Request) -> Response:
    """The page, or the way to it from an id or URL. Raises DocumentNotFoundError."""
    run, wanted = await run_of(request), text_in(request, "find")
    work = site_of(request).long
    if wanted:
        found = await work.once(("find", run.root, run.state, wanted), lambda: _find(run, wanted))
        if len(found) > 1:
            condition = f"id = {quoted(wanted)} or url = {quoted(wanted)}"
            return RedirectResponse(address(run.key, "documents", where=condition), 303)
        return RedirectResponse(address(run.key, "document", at="{}.{}".format(*found[0])), 303)
    number = number_of(text_in(request, "at"))
    story = await work.once(("story", run.root, run.state, number), lambda: read_story(run, number))
    return page("document.html", run=run.key, tab="document", story=story)


def number_of(at: str) -> int:
    """The number of the document at `shard.row`. Raises BadRequestError."""
    shard, _, row = at.partition(".")
    parts = [part for part in (shard, row) if part.isascii() and part.isdigit() and len(part) < 10]
    if len(parts) != 2:
        raise BadRequestError(f"a document is named by its shard and row, as in at=0.12, not {at[:40]!r}")
    return join(int(shard), int(row))


def _find(run: OpenedRun, wanted: str) -> list[tuple[int, int]]:
    """(shard, row) of the documents with this id or address, at least one. Raises DocumentNotFoundError."""
    found = find_documents(run.store, run.file, wanted)
    if found.places:
        return found.places
    if found.bad:
        errors = "; ".join(sorted({str(entry.get("error", "")) for entry in found.bad}))
        raise DocumentNotFoundError(f"{wanted} is in the quarantine of {run.file.name}: {errors}")
    near = name_nearest(run.store, run.file, wanted)
    nearest = f"; the nearest are {', '.join(near)}" if near else ""
    raise DocumentNotFoundError(f"{run.file.name} has no document with the id or URL {wanted}{nearest}")
