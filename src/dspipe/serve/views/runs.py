"""The list of runs, and how far each is."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dspipe.pipeline.errors import DamagedFileError, RunNotFoundError, StorageError
from dspipe.pipeline.storage.failures import UnavailableError
from dspipe.serve.pages import address, answer, page
from dspipe.serve.progress import AT_WORK, run_progress
from dspipe.serve.site import Site, site_of

_MOST = 500
"""runs that are listed"""


async def show(request: Request) -> Response:
    """The page; of a folder that is one run's, that run's."""
    site = site_of(request)
    roots = await site.quick.run(site.folder.runs)
    if site.folder.one:
        return RedirectResponse(address(next(iter(roots))), 303)
    return page("runs.html", runs=await _lines(site, roots), root=site.folder.root, more=max(0, len(roots) - _MOST))


async def states(request: Request) -> Response:
    """What its script asks for now and then."""
    site = site_of(request)
    return answer({"runs": await _lines(site, await site.quick.run(site.folder.runs))})


async def _lines(site: Site, roots: dict[str, str]) -> list[dict[str, Any]]:
    def read() -> list[dict[str, Any]]:
        return [_line(key, root) for key, root in list(roots.items())[:_MOST]]

    return await site.quick.run(read)


def _line(key: str, root: str) -> dict[str, Any]:
    """What is known of a run; where it can't be read, why."""
    line: dict[str, Any] = {"key": key, "address": address(key), "problem": "", "state": "unknown", "at_work": False}
    try:
        progress = run_progress(root)
    except (RunNotFoundError, DamagedFileError, StorageError, UnavailableError, OSError) as error:
        return {**line, "problem": str(error)}
    phases = progress["phases"]
    now = [phase for phase in phases if phase["state"] == "running"]
    return {
        **line,
        "name": progress["run"],
        "state": progress["state"],
        "at_work": progress["state"] in AT_WORK,
        "message": progress["message"],
        "done": sum(phase["state"] == "done" for phase in phases),
        "phases": len(phases),
        "share": sum(phase["share"] for phase in phases) / len(phases) if phases else 0.0,
        "now": ", ".join(phase["name"] for phase in now),
        "read": next((phase["documents"] for phase in phases if phase["documents"]), None),
        "kept": next((phase["kept"] for phase in reversed(phases) if phase["kept"] is not None), None),
        "quarantined": progress["quarantined"],
        "seconds": progress["seconds"],
    }
