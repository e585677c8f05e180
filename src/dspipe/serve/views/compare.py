"""Two runs beside one another: what became of the same documents in both."""

from starlette.requests import Request
from starlette.responses import Response

from dspipe.pipeline.inspection.diff.diff import diff_runs
from dspipe.serve.pages import page
from dspipe.serve.site import BadRequestError, run_of, site_of, text_in

_FLOWS, _GROUPS, _SAMPLES, _SETTINGS = 60, 40, 3, 100


async def show(request: Request) -> Response:
    """The other runs, or the run beside one of them."""
    site, run = site_of(request), await run_of(request)
    others = [key for key in await site.quick.run(site.folder.runs) if key != run.key]
    wanted = text_in(request, "with")
    if not wanted:
        return page("compare.html", run=run.key, tab="compare", others=others, other="", found=None)
    if wanted == run.key:
        raise BadRequestError(f"{wanted} is this run itself; choose another one")
    other = await site.run(wanted)
    key = ("diff", run.root, run.state, other.root, other.state)
    found = await site.long.once(key, lambda: diff_runs(run.table, other.table, _SAMPLES))
    return page(
        "compare.html",
        run=run.key,
        tab="compare",
        others=others,
        other=other.key,
        found=found,
        changed=[flow for flow in found.flows if flow.changed],
        most={"flows": _FLOWS, "groups": _GROUPS, "settings": _SETTINGS},
    )
