"""Opening storage by address: the client of its protocol, its time-outs and credentials, and the patience around it."""

import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from dspipe.pipeline.errors import MissingExtraError, StorageError
from dspipe.pipeline.storage.failures import said
from dspipe.pipeline.storage.objects import AnyObjects, Objects, PatientObjects
from dspipe.pipeline.storage.patience import Patience, current_patience
from dspipe.pipeline.storage.remote_file import open_remote
from dspipe.pipeline.storage.secrets import without_secrets

Parts = tuple[str, ...]
Info = dict[str, Any]

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "http": "http", "https": "http"}


def is_remote(path: str) -> bool:
    """Whether a path names something other than the local file system."""
    return "://" in path and not path.startswith("file://")


def open_filesystem(path: str, refused_is_absent: bool = False) -> tuple[Any, str]:
    """The file system of a path, and the path as that file system calls it: fsspec's own for local paths, for others a
    `PatientFilesystem`. `refused_is_absent`: 403 is taken for `no such file`, which a bucket that may not be listed
    says so. Raises StorageError, MissingExtraError."""
    patience = replace(current_patience(), refused_is_absent=refused_is_absent)
    filesystem, inner = _open(path, patience)
    if not is_remote(path):
        return filesystem, inner
    return PatientFilesystem(filesystem, _patient(path, filesystem, patience)), inner


def open_objects(path: str) -> tuple[PatientObjects, str]:
    """The requests to a remote storage, and the path as it calls it. Raises StorageError, MissingExtraError."""
    filesystem, inner = _open(path, current_patience())
    return _patient(path, filesystem, current_patience()), inner


class PatientFilesystem:
    """What inputs are looked up and read with: `exists`, `isdir`, `info`, `walk`, and `open` for reading, each waited
    for. fsspec's own `glob` and `find` leave out the folders that can't be listed now.

    All raise FileNotFoundError, StorageError, and UnavailableError when patience is at its end.
    """

    def __init__(self, filesystem: Any, objects: PatientObjects) -> None:
        self._filesystem, self._objects = filesystem, objects

    def exists(self, path: str) -> bool:
        """Whether there is something at a path."""
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def isdir(self, path: str) -> bool:
        """Whether a path is a folder; of a web server, a page that lists files."""
        try:
            info = self.info(path)
        except FileNotFoundError:
            return False
        # a file is not read in search of links
        page = str(info.get("mimetype", "")).startswith("text/html")
        return bool(info["type"] == "directory" or (page and self._ask("ls", path, detail=False)))

    def info(self, path: str) -> dict[str, Any]:
        """What is known of a file."""
        return cast("dict[str, Any]", self._ask("info", path))

    def walk(self, folder: str, enter: Callable[[Parts], bool], deep: bool) -> Iterator[tuple[Parts, Info | None]]:
        """The files below a folder, each by the parts of its path below it, and what is known of it, and the folders
        that `enter` keeps out (None). `deep`: most of what lies below is wanted, so all is asked for at once."""
        yield from self._walk(folder.rstrip("/"), (), enter, deep)

    def _walk(
        self, folder: str, parts: Parts, enter: Callable[[Parts], bool], deep: bool
    ) -> Iterator[tuple[Parts, Info | None]]:
        below: list[Parts] = []
        for page in self._objects.listing(folder, deep):
            for file in page.files:
                yield (*parts, *file.name.split("/")), file.info
            below += [(*parts, name) for name in page.folders]
        for inner in sorted(below):
            if enter(inner):
                yield from self._walk(f"{folder}/{inner[-1]}", inner, enter, deep)
            else:
                yield inner, None

    def open(self, path: str, mode: str = "rb") -> BinaryIO:
        """A file, to be read from its beginning; it can seek."""
        return open_remote(self._objects, path)

    def _ask(self, name: str, path: str, **settings: Any) -> Any:
        request = functools.partial(getattr(self._filesystem, name), path, **settings)
        return self._objects.waiting(path, "list" if name == "ls" else "read").call(request)


def _patient(path: str, filesystem: Any, patience: Patience) -> PatientObjects:
    protocol = path.split("://")[0]
    objects: Objects
    if protocol in ("s3", "s3a"):
        from dspipe.pipeline.storage.s3 import S3Objects

        objects = S3Objects(filesystem)
    elif protocol in ("http", "https"):
        from dspipe.pipeline.storage.http import HttpObjects

        objects = HttpObjects(filesystem)
    else:
        objects = AnyObjects(filesystem)
    return PatientObjects(objects, protocol, patience)


def _open(path: str, patience: Patience) -> tuple[Any, str]:
    import fsspec

    protocol = path.split("://")[0] if "://" in path else "file"
    try:
        filesystem, inner = fsspec.core.url_to_fs(path, **_options(protocol, patience))
    except ImportError as error:
        extra = _EXTRAS.get(protocol)
        if extra is None:
            raise StorageError(f"cannot open {without_secrets(path)}: {error}") from None
        message = f"cannot open {without_secrets(path)}: {protocol}:// needs `pip install 'dspipe[{extra}]'`"
        raise MissingExtraError(message) from None
    except Exception as error:
        if protocol == "file":
            raise
        raise StorageError(f"cannot open {without_secrets(path)}: {said(error)}") from None
    if protocol in ("s3", "s3a"):
        filesystem.retries = 1  # `Waiting` tries again, with a view of the whole time
    return filesystem, inner


def _options(protocol: str, patience: Patience) -> dict[str, Any]:
    if protocol == "file":
        return {}
    # listings must not be remembered: workers make files that the driver looks for
    options: dict[str, Any] = {"use_listings_cache": False}
    if protocol in ("s3", "s3a"):
        options["config_kwargs"] = {
            "connect_timeout": patience.connect_timeout,
            "read_timeout": patience.read_timeout,
            "retries": {"total_max_attempts": 1},
            "max_pool_connections": 32,
        }
        if not _has_s3_credentials():
            options["anon"] = True  # a bucket that is public, like commoncrawl, must not need credentials
    if protocol in ("http", "https"):
        import aiohttp

        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=patience.connect_timeout, sock_read=patience.read_timeout
        )
        options["client_kwargs"] = {"timeout": timeout}
    return options


def _has_s3_credentials() -> bool:
    names = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    if any(name in os.environ for name in names) or (Path.home() / ".aws" / "credentials").exists():
        return True
    return _machine_has_role()


@functools.cache
def _machine_has_role() -> bool:
    """Whether a virtual machine of AWS gives credentials of its role: asked once, a second elsewhere."""
    try:
        from botocore.session import Session

        return Session().get_credentials() is not None
    except Exception:
        return False
