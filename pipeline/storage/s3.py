"""Requests to S3 and whatever speaks its language, through the client that s3fs makes."""

import asyncio
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO

from fsspec.asyn import sync

from dspipe.pipeline.storage.failures import status_of
from dspipe.pipeline.storage.objects import (
    ConditionFailedError,
    Listed,
    NoConditionsError,
    Page,
    PathRange,
    Piece,
)

_AT_A_TIME = 32
"""requests on their way together"""


class S3Objects:
    """`Objects` of S3. `filesystem` is an S3FileSystem that tries each request once."""

    def __init__(self, filesystem: Any) -> None:
        self._filesystem = filesystem

    def get(self, path: str, start: int = 0, end: int | None = None) -> Piece:
        return self._sync(self._get, path, start, end)  # type: ignore[no-any-return]

    def get_many(self, ranges: Sequence[PathRange]) -> list[Piece | Exception]:
        return self._sync(self._get_many, ranges)  # type: ignore[no-any-return]

    def page(self, folder: str, after: str | None, deep: bool = False) -> Page:
        bucket, prefix = self._folder(folder)
        more = {} if after is None else {"ContinuationToken": after}
        if not deep:
            more["Delimiter"] = "/"
        answer = self._call("list_objects_v2", Bucket=bucket, Prefix=prefix, **more)
        files = [
            Listed(
                entry["Key"].removeprefix(prefix),
                entry["Size"],
                entry["LastModified"].timestamp(),
                {"size": entry["Size"], "ETag": entry["ETag"], "LastModified": entry["LastModified"]},
            )
            for entry in answer.get("Contents", ())
            if not entry["Key"].endswith("/")  # a mark that there is a folder
        ]
        folders = [entry["Prefix"].removeprefix(prefix).rstrip("/") for entry in answer.get("CommonPrefixes", ())]
        return Page(files, folders, answer.get("NextContinuationToken"))

    def put(self, path: str, data: bytes) -> None:
        bucket, key = self._place(path)
        self._call("put_object", Bucket=bucket, Key=key, Body=data)

    def put_if(self, path: str, data: bytes, etag: str | None) -> str:
        bucket, key = self._place(path)
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            answer = self._call("put_object", Bucket=bucket, Key=key, Body=data, **condition)
        except (OSError, ValueError) as error:
            status = status_of(error.__cause__ or error)
            if status == 412 or (status == 404 and etag is not None):
                raise ConditionFailedError from None
            if status == 501:
                raise NoConditionsError from None
            raise
        return str(answer["ETag"])

    def begin(self, path: str) -> str | None:
        bucket, key = self._place(path)
        return str(self._call("create_multipart_upload", Bucket=bucket, Key=key)["UploadId"])

    def part(self, path: str, upload: str, number: int, data: bytes) -> Any:
        bucket, key = self._place(path)
        answer = self._call("upload_part", Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=data)
        checksums = {
            name: value for name, value in answer.items() if name.startswith("Checksum") and name[8:].isupper()
        }
        return {"PartNumber": number, "ETag": answer["ETag"], **checksums}

    def complete(self, path: str, upload: str, parts: Sequence[Any]) -> None:
        bucket, key = self._place(path)
        made = {"Parts": list(parts)}
        self._call("complete_multipart_upload", Bucket=bucket, Key=key, UploadId=upload, MultipartUpload=made)

    def abort(self, path: str, upload: str) -> None:
        bucket, key = self._place(path)
        self._call("abort_multipart_upload", Bucket=bucket, Key=key, UploadId=upload)

    def uploads(self, folder: str) -> list[tuple[str, str, float]]:
        bucket, prefix = self._folder(folder)
        answer = self._call("list_multipart_uploads", Bucket=bucket, Prefix=prefix)
        return [
            (f"{bucket}/{upload['Key']}", upload["UploadId"], upload["Initiated"].timestamp())
            for upload in answer.get("Uploads", ())
        ]

    def put_file(self, path: str, file: BinaryIO) -> None:
        self.put(path, file.read())

    def remove(self, path: str) -> None:
        bucket, key = self._place(path)
        self._call("delete_object", Bucket=bucket, Key=key)

    def _place(self, path: str) -> tuple[str, str]:
        bucket, key, _ = self._filesystem.split_path(path)
        return bucket, key

    def _folder(self, path: str) -> tuple[str, str]:
        """The bucket, and what the keys of all files in a folder begin with."""
        bucket, key = self._place(path)
        return bucket, f"{key.rstrip('/')}/" if key.strip("/") else ""

    def _call(self, method: str, **settings: Any) -> Any:
        return self._sync(self._filesystem._call_s3, method, **settings)

    def _sync(self, function: Any, *args: Any, **settings: Any) -> Any:
        return sync(self._filesystem.loop, function, *args, **settings)

    async def _get_many(self, ranges: Sequence[PathRange]) -> list[Piece | BaseException]:
        turns = asyncio.Semaphore(_AT_A_TIME)

        async def one(range: PathRange) -> Piece:
            async with turns:
                return await self._get(*range)

        return await asyncio.gather(*map(one, ranges), return_exceptions=True)

    async def _get(self, path: str, start: int, end: int | None) -> Piece:
        bucket, key = self._place(path)
        settings: dict[str, Any] = {}
        if start < 0:
            settings["Range"] = f"bytes={start}"
        elif start or end is not None:
            settings["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        try:
            answer = await self._filesystem._call_s3("get_object", Bucket=bucket, Key=key, **settings)
        except OSError as error:
            if status_of(error.__cause__ or error) == 416:  # there is nothing from `start` on
                return await self._empty(bucket, key)
            raise
        size = answer.get("ContentRange", "").rpartition("/")[2] or answer["ContentLength"]
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        now = headers.get("date")
        data = await _body(answer["Body"])
        return Piece(
            data,
            int(size),
            answer["ETag"],
            answer["LastModified"].timestamp(),
            parsedate_to_datetime(now).timestamp() if now else None,
        )

    async def _empty(self, bucket: str, key: str) -> Piece:
        answer = await self._filesystem._call_s3("head_object", Bucket=bucket, Key=key)
        return Piece(b"", answer["ContentLength"], answer["ETag"], answer["LastModified"].timestamp())


async def _body(body: Any) -> bytes:
    """What comes of a body. Raises what broke it where nothing came."""
    pieces: list[bytes] = []
    try:
        while piece := await body.read(4 << 20):
            pieces.append(piece)
    except Exception:
        if not pieces:
            raise
    finally:
        body.close()
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
