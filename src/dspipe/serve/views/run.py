"""A run: how far it is, its funnel, and where to look next."""

from starlette.requests import Request
from starlette.responses import Response

from dspipe.pipeline.errors import DamagedFileError, RunNotFoundError
from dspipe.pipeline.report.stats import funnel_table, reason_table
from dspipe.serve.pages import answer, page
from dspipe.serve.progress import run_progress
from dspipe.serve.site import run_of, site_of

_ROWS = 60


async def show(request: Request) -> Response:
    """The page. A run of which no more than progress can be read has that."""
    site, key = site_of(request), request.path_params["run"]
    root = await site.quick.run(lambda: site.folder.root_of(key))
    progress = await site.quick.run(lambda: run_progress(root))
    try:
        run = await run_of(request)
    except (RunNotFoundError, DamagedFileError) as error:
        return page("run.html", run=key, tab="", progress=progress, tables=[], sentence=str(error))
    tables = [table for table in (funnel_table(run.file), reason_table(run.file)) if table is not None and table.rows]
    return page("run.html", run=key, tab="", progress=progress, tables=tables, sentence="", most=_ROWS)


async def progress(request: Request) -> Response:
    """What its script asks for while it is at work."""
    site, key = site_of(request), request.path_params["run"]
    root = await site.quick.run(lambda: site.folder.root_of(key))
    return answer(await site.quick.run(lambda: run_progress(root)))
