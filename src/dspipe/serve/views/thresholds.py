"""Thresholds, and what moving one would change."""

from starlette.requests import Request
from starlette.responses import Response

from dspipe.serve.pages import answer, page
from dspipe.serve.site import run_of, site_of, text_in
from dspipe.serve.thresholds import (
    ask_moved,
    column_histogram,
    find_movable,
    load_what_if,
    movable_thresholds,
    number_said,
)


async def show(request: Request) -> Response:
    """All of them, or one to move."""
    run, setting = await run_of(request), text_in(request, "setting")
    work = site_of(request).quick
    if not setting:
        found = await work.run(lambda: movable_thresholds(run))
        return page("thresholds.html", run=run.key, tab="thresholds", found=found)
    moved = await work.run(lambda: find_movable(run, setting))
    value = text_in(request, "value")
    number = number_said(value) if value else moved.value
    return page("threshold.html", run=run.key, tab="thresholds", moved=moved, value=number)


async def histogram(request: Request) -> Response:
    """How documents lie along a threshold's column."""
    run, setting = await run_of(request), text_in(request, "setting")
    moved = await site_of(request).quick.run(lambda: find_movable(run, setting))
    column = moved.threshold.column
    key = ("histogram", run.root, run.state, column)
    return answer(await site_of(request).long.once(key, lambda: column_histogram(run, column)))


async def what_if(request: Request) -> Response:
    """What would change if a threshold were another number."""
    run, setting, value = await run_of(request), text_in(request, "setting"), number_said(text_in(request, "value"))
    site = site_of(request)
    moved = await site.quick.run(lambda: find_movable(run, setting))
    asked = await site.loaded.once(("what if", run.root, run.state), lambda: load_what_if(run))
    key = ("moved", run.root, run.state, setting, value)
    return answer(await site.long.once(key, lambda: ask_moved(asked, moved, value)))
