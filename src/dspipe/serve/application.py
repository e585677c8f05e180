"""Which address is answered by what."""

import contextlib
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Collection

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from dspipe.pipeline.condition import ConditionError
from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import DamagedFileError, DocumentNotFoundError, RunNotFoundError, StorageError
from dspipe.pipeline.rejudging import NeedsRunError
from dspipe.pipeline.storage.failures import UnavailableError
from dspipe.pipeline.visible_text import visible
from dspipe.serve.guard import LOOPBACK, Guard
from dspipe.serve.pages import HERE, problem
from dspipe.serve.runs_folder import RunsFolder
from dspipe.serve.site import BadRequestError, Site
from dspipe.serve.views import compare, document, documents, run, runs, shards, statistics, thresholds
from dspipe.serve.work import BusyError, Work

Endpoint = Callable[[Request], Awaitable[Response]]
ADDRESSES: dict[str, Endpoint] = {
    "/": runs.show,
    "/runs.json": runs.states,
    "/run/{run}/": run.show,
    "/run/{run}/progress.json": run.progress,
    "/run/{run}/documents": documents.show,
    "/run/{run}/document": document.show,
    "/run/{run}/statistics": statistics.show,
    "/run/{run}/page": statistics.inner,
    "/run/{run}/thresholds": thresholds.show,
    "/run/{run}/histogram.json": thresholds.histogram,
    "/run/{run}/whatif.json": thresholds.what_if,
    "/run/{run}/compare": compare.show,
    "/run/{run}/shards": shards.show,
    "/run/{run}/row": shards.row,
    "/run/{run}/rows": shards.of_document,
}
_STATUS: dict[type[Exception], int] = {
    BadRequestError: 400,
    ConditionError: 400,
    InvalidConfigError: 400,
    NeedsRunError: 400,
    RunNotFoundError: 404,
    DocumentNotFoundError: 404,
    DamagedFileError: 409,
    BusyError: 503,
    StorageError: 503,
    UnavailableError: 503,
}
"""errors that are said to who asked"""


def make_application(
    folder: RunsFolder,
    names: Collection[str] | None = LOOPBACK,
    token: str | None = None,
    cookie: str = "dspipe",
) -> ASGIApp:
    """The application over these runs; `names`, `token` and `cookie` as in `Guard`."""
    site = Site(
        folder,
        quick=Work(8, waiting=200, kept=16),
        long=Work(2, waiting=32, kept=64),
        loaded=Work(1, waiting=32, kept=2),
    )

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        for work in (site.quick, site.long, site.loaded):
            work.close()

    routes = [Route(path, endpoint, methods=["GET"]) for path, endpoint in ADDRESSES.items()]
    app = Starlette(
        routes=[*routes, Mount("/static", StaticFiles(directory=HERE / "static"))],
        exception_handlers={HTTPException: _say_http, Exception: _say_failure, **dict.fromkeys(_STATUS, _say)},
        lifespan=lifespan,
    )
    app.state.site = site
    return Guard(app, names, token, cookie)


def _say(request: Request, error: Exception) -> Response:
    status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
    sentence = str(error)
    if isinstance(error, DamagedFileError):
        sentence += "; `dspipe run` with the run's config makes it anew"
    return problem(sentence, status, _wants_json(request))


def _say_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = f"there is no page {request.url.path}" if error.status_code == 404 else error.detail
    return problem(sentence, error.status_code, _wants_json(request))


def _say_failure(request: Request, error: Exception) -> Response:
    if isinstance(error, FileNotFoundError):  # a run that changes while it is looked at
        return problem(f"{error.filename or error} is gone", 409, _wants_json(request))
    print(visible("".join(traceback.format_exception(error))), file=sys.stderr)
    return problem(
        "this page couldn't be made: see what `dspipe serve` prints in its terminal", 500, _wants_json(request)
    )


def _wants_json(request: Request) -> bool:
    return request.url.path.endswith(".json")
