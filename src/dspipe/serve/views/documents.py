"""The browser of documents: filters, and pages of what fulfils them."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dspipe.pipeline.condition import ConditionError
from dspipe.pipeline.doc_id import place_of
from dspipe.pipeline.inspection.documents_at import documents_at
from dspipe.serve.filters import EQUAL, Filters
from dspipe.serve.matches import Matches, Order, find_matches
from dspipe.serve.opened import OpenedRun
from dspipe.serve.pages import address, page
from dspipe.serve.site import BadRequestError, number_in, run_of, site_of, text_in

ORDERS: dict[str, Order] = {"stored": "stored", "shuffled": "shuffled"}
PAGE = 20
"""documents on a page"""
_CHARACTERS = 1_200
"""of each text"""
_SUGGESTED = 200
_SHOWN = ("id", "url", "domain", "language", "source", "reason", "text_bytes", "tokens", "quality", "text", "origin")


async def show(request: Request) -> Response:
    """The page; a mistake in the condition is said on it."""
    run = await run_of(request)
    filters, first = filters_of(request), number_in(request, "first", 0, 10**9)
    values: dict[str, Any] = {"run": run.key, "tab": "documents", "filters": filters, "first": first, "page": PAGE}
    values |= {"suggested": _suggestions(run), "columns": sorted(run.table.columns), "sentence": "", "found": None}
    try:
        found = await matches_of(request, run, filters)
        numbers = found.numbers[first : first + PAGE].tolist()
        cards = await site_of(request).long.run(lambda: cards_of(run, numbers))
    except ConditionError as error:
        return page("documents.html", 400, **values | {"sentence": str(error), "cards": []})
    query = {"verdict": filters.verdict, "where": filters.where, "order": filters.order, "seed": filters.seed}
    links = {
        at: address(run.key, "documents", **query, **filters.equal, first=at)
        for at in (max(0, first - PAGE), first + PAGE)
    }
    return page("documents.html", **values | {"found": found, "cards": cards, "links": links})


def filters_of(request: Request) -> Filters:
    """What the query asks for. Raises BadRequestError."""
    verdict, order = text_in(request, "verdict"), text_in(request, "order") or "stored"
    if verdict not in ("", "kept", "dropped"):
        raise BadRequestError(f"verdict is {verdict[:40]!r}; it must be kept, dropped or empty")
    if order not in ORDERS:
        raise BadRequestError(f"order is {order[:40]!r}; it must be stored or shuffled")
    equal = {name: text_in(request, name) for name in EQUAL}
    return Filters(verdict, equal, text_in(request, "where"), ORDERS[order], number_in(request, "seed", 0, 2**31))


async def matches_of(request: Request, run: OpenedRun, filters: Filters) -> Matches:
    """The documents that fulfil the filters. Raises ConditionError, DamagedFileError, BusyError."""
    condition = filters.condition(run.table)
    key = ("matches", run.root, run.state, filters.text(), filters.order, filters.seed)
    work = site_of(request).long
    return await work.once(key, lambda: find_matches(run.table, condition, filters.order, filters.seed))


def cards_of(run: OpenedRun, numbers: list[int]) -> list[dict[str, Any]]:
    """What is shown of each document: columns, and the beginning of its text."""
    names = [name for name in _SHOWN if name in run.table.columns]
    cards = []
    found = documents_at(run.table, numbers, names)
    for number in numbers:
        values = found[number]
        text, text_is = values.get("text"), ""
        if text is None:
            text, text_is = run.early_texts.text(values["origin"])
        text = text or ""
        card = {
            **dict.fromkeys(_SHOWN),
            **values,
            "at": place_of(number),
            "decided": "reason" in names,
            "text_is": text_is,
        }
        cards.append({**card, "text": text[:_CHARACTERS], "cut": max(0, len(text) - _CHARACTERS)})
    return cards


def _suggestions(run: OpenedRun) -> dict[str, list[str]]:
    """Values that are there, for the form; the commonest where there are many."""
    funnel = run.file.funnel()
    domains = sorted(funnel[-1].domains, key=lambda name: -funnel[-1].domains[name].documents) if funnel else []
    return {
        "reason": run.commonest_reasons[:_SUGGESTED],
        "stage": [entry.stage for entry in funnel if entry.dropped],
        "domain": domains[:_SUGGESTED],
        "source": list(run.file.read_by_source())[:_SUGGESTED],
    }
