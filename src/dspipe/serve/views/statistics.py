"""The page of statistics, the same as `dspipe stats --html` writes: in a frame that may run its own two scripts and
reach nothing else."""

import html
import re

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dspipe.page.gather import gather
from dspipe.page.render import render
from dspipe.serve.pages import page
from dspipe.serve.site import run_of, site_of

_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')


async def show(request: Request) -> Response:
    """The page around the frame."""
    run = await run_of(request)
    return page("statistics.html", run=run.key, tab="statistics")


async def inner(request: Request) -> Response:
    """What is in the frame."""
    run = await run_of(request)

    def make() -> str:
        return render(run.file, gather(run.store, run.file))

    made = await site_of(request).long.once(("page", run.root, run.state), make)
    policy = _POLICY.search(made)
    assert policy is not None, "the page has no policy of its own"
    said = f"{html.unescape(policy[1])}; frame-ancestors 'self'; sandbox allow-scripts"
    return HTMLResponse(made, headers={"content-security-policy": said, "x-frame-options": "SAMEORIGIN"})
