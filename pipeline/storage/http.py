"""Reading from web servers, through the client that fsspec makes. What a server says of a file is compared from
answer to answer, so that a download that goes on after a break is of the same file."""

import asyncio
import re
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO

from fsspec.asyn import sync

from dspipe.pipeline.storage.objects import Listed, NoRangesError, Page, PathRange, Piece, WholeFileObjects

_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")


class HttpObjects(WholeFileObjects):
    """`Objects` of a web server: those that read."""

    def get(self, path: str, start: int = 0, end: int | None = None) -> Piece:
        return sync(self._filesystem.loop, self._get, path, start, end)  # type: ignore[no-any-return]

    def get_many(self, ranges: Sequence[PathRange]) -> list[Piece | Exception]:
        async def all() -> list[Piece | BaseException]:
            return await asyncio.gather(*[self._get(*range) for range in ranges], return_exceptions=True)

        return sync(self._filesystem.loop, all)  # type: ignore[no-any-return]

    def download(self, path: str, file: BinaryIO) -> Piece:
        """Write a whole file into another, of a server that gives whole files only."""
        return sync(self._filesystem.loop, self._download, path, file)  # type: ignore[no-any-return]

    def page(self, folder: str, after: str | None, deep: bool = False) -> Page:
        entries = self._filesystem.ls(f"{folder.rstrip('/')}/", detail=True)
        files = [entry for entry in entries if entry["type"] == "file"]
        folders = [entry["name"].rstrip("/") for entry in entries if entry["type"] == "directory"]
        return Page(
            [Listed(file["name"].rpartition("/")[2], file["size"] or 0, None, file) for file in files],
            [name.rpartition("/")[2] for name in folders if name != folder.rstrip("/")],
        )

    def put(self, path: str, data: bytes) -> None:
        raise NotImplementedError

    def put_file(self, path: str, file: BinaryIO) -> None:
        raise NotImplementedError

    def remove(self, path: str) -> None:
        raise NotImplementedError

    async def _get(self, path: str, start: int, end: int | None) -> Piece:
        wanted = f"bytes={start}" if start < 0 else f"bytes={start}-{'' if end is None else end - 1}"
        async with await self._ask(path, {"Range": wanted}) as answer:
            whole = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
            if answer.status == 416:
                return _piece(b"", int(whole[2]) if whole else 0, answer)
            answer.raise_for_status()
            if answer.status != 206 or whole is None:
                raise NoRangesError
            data = bytearray()
            try:
                async for piece in answer.content.iter_chunked(1 << 20):
                    data += piece
            except Exception:
                if not data:
                    raise
            return _piece(bytes(data), int(whole[2]), answer)

    async def _download(self, path: str, file: BinaryIO) -> Piece:
        async with await self._ask(path, {}) as answer:
            answer.raise_for_status()
            file.seek(0)
            file.truncate()
            size = 0
            async for piece in answer.content.iter_chunked(1 << 20):
                size += file.write(piece)
            return _piece(b"", size, answer)

    async def _ask(self, path: str, headers: dict[str, str]) -> Any:
        session = await self._filesystem.set_session()
        settings = dict(self._filesystem.kwargs)
        # a body that the server compresses on its way has other places than the file
        headers = {**settings.pop("headers", {}), "Accept-Encoding": "identity", **headers}
        return await session.get(self._filesystem.encode_url(path), headers=headers, **settings)


def _piece(data: bytes, size: int, answer: Any) -> Piece:
    etag, modified = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
    when = parsedate_to_datetime(modified).timestamp() if modified else None
    return Piece(data, size, f"{etag} {modified}" if etag or modified else None, when)
