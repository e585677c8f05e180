"""What all pages share: the runs, the threads, and what a query of an address may say."""

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from dspipe.pipeline.storage.store import Store
from dspipe.serve.opened import OpenedRun, open_run, state_of
from dspipe.serve.runs_folder import RunsFolder
from dspipe.serve.work import Work

LONGEST_VALUE = 4_000
"""characters of one value in an address"""


class BadRequestError(Exception):
    """An address that says what makes no sense: a sentence."""


@dataclass(frozen=True)
class Site:
    """The runs that are shown, and the threads that work for the pages."""

    folder: RunsFolder
    quick: Work
    """for what few and small files say"""
    long: Work
    """for what reads columns: each computation uses all cores"""
    loaded: Work
    """for what holds columns of all documents in memory: of the runs that were asked about last"""

    async def run(self, key: str) -> OpenedRun:
        """The run of this key, as it is now. Raises RunNotFoundError, DamagedFileError."""

        def look() -> tuple[str, str]:
            root = self.folder.root_of(key)
            return root, state_of(Store(root))

        root, state = await self.quick.run(look)
        return await self.quick.once(("run", root, state), lambda: open_run(key, root, state))


def site_of(request: Request) -> Site:
    """The site that a request is for."""
    return cast(Site, request.app.state.site)


async def run_of(request: Request) -> OpenedRun:
    """The run that the address names. Raises RunNotFoundError, DamagedFileError."""
    return await site_of(request).run(request.path_params["run"])


def text_in(request: Request, name: str, default: str = "") -> str:
    """A value of the query. Raises BadRequestError where it is longer than makes sense."""
    value = request.query_params.get(name, default).strip()
    if len(value) > LONGEST_VALUE:
        raise BadRequestError(f"{name} has {len(value):,} characters; at most {LONGEST_VALUE:,} are read")
    return value


def number_in(request: Request, name: str, default: int, most: int) -> int:
    """A whole number of the query, 0 to `most`. Raises BadRequestError."""
    said = text_in(request, name)
    if not said:
        return default
    if not (said.isascii() and said.isdigit()) or len(said) > 18 or int(said) > most:
        raise BadRequestError(f"{name} is {said[:40]!r}; it must be a whole number from 0 to {most:,}")
    return int(said)
