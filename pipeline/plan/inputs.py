"""The input files of a source: patterns, directories and lists of paths, with a fingerprint of each file."""

import gzip
import os
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dspipe.pipeline.errors import ConfigError, MissingExtraError, StorageError, UnreachableError
from dspipe.pipeline.source import InputFile, Source
from dspipe.pipeline.storage.store import is_remote, is_storage_failure, open_filesystem, storage_error

_GLOB = re.compile(r"[*?\[]")


def input_files(source: Source[Any]) -> list[InputFile]:
    """The files of a source in the order of their names, each once.

    Raises ConfigError where a path, pattern or list gives nothing, and UnreachableError where a remote place can't be
    asked. Files named by a list on a remote storage aren't looked up one by one: what a crawl publishes doesn't change,
    so their fingerprint is their path.
    """
    paths = source.config.path if isinstance(source.config.path, list) else [source.config.path]
    root = expand_variables(source.config.root)
    found: dict[str, InputFile] = {}
    for index, path in enumerate(paths):
        key = ("path", index) if isinstance(source.config.path, list) else ("path",)
        try:
            files = list(_files(expand_variables(path), root))
        except FileNotFoundError:
            raise ConfigError(f"{_join(root, expand_variables(path))}: no such file or directory", key) from None
        except PermissionError as error:
            raise ConfigError(f"{_join(root, expand_variables(path))}: permission denied ({error})", key) from None
        except MissingExtraError as error:
            raise UnreachableError(str(error)) from None
        except StorageError as error:
            raise ConfigError(str(error), key) from None
        except Exception as error:
            place = _join(root, expand_variables(path))
            if is_storage_failure(error) and is_remote(place):
                raise UnreachableError(f"{place}: {error}") from None
            if not isinstance(error, OSError):
                raise
            raise ConfigError(str(storage_error(error, place, "read")), key) from None
        if not files:
            raise ConfigError(f"{_join(root, expand_variables(path))} matches no files", key)
        found.update((file.name, file) for file in files)
    ordered = [found[name] for name in sorted(found)]
    return ordered[: source.config.limit] if source.config.limit else ordered


def expand_variables(path: str) -> str:
    """~, $NAME and ${NAME} of the environment; ${SITE_PACKAGES} is where this Python's packages are installed."""
    known = {"SITE_PACKAGES": sysconfig.get_path("purelib"), **os.environ}

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in known:
            raise ConfigError(f"{path}: there is no environment variable {name}", ("path",))
        return known[name]

    expanded = re.sub(r"\$(?:\{(\w+)\}|(\w+))", value, path)
    return expanded if is_remote(expanded) else str(Path(expanded).expanduser()) if expanded else ""


def _join(root: str, path: str) -> str:
    if not root or is_remote(path) or path.startswith("/"):
        return path
    return f"{root.rstrip('/')}/{path}"


def _files(path: str, root: str) -> Iterator[InputFile]:
    place = _join(root, path)
    if re.search(r"\.paths(\.gz)?$", place):
        yield from _listed(place, root)
        return
    filesystem, inner = open_filesystem(place)
    # names leave out the root, so that ids are the same wherever the data is kept
    prefix = f"{open_filesystem(root)[1].rstrip('/')}/" if root else ""
    if not root and not is_remote(place) and not Path(place).is_absolute():
        prefix = f"{Path.cwd()}/"
    if _GLOB.search(inner):
        entries = filesystem.glob(inner, detail=True)
    elif filesystem.isdir(inner):
        entries = filesystem.find(inner, detail=True)
    else:
        entries = {inner: filesystem.info(inner)}
    protocol = "" if not is_remote(place) else place.split("://")[0] + "://"
    for name, info in sorted(entries.items()):
        if info["type"] != "file" or name.rsplit("/", 1)[-1].startswith("."):
            continue
        address = name if name.startswith(protocol) else protocol + name
        short = name.removeprefix(prefix).lstrip("/")
        yield InputFile(address, short, info.get("size"), _fingerprint(info))


def _listed(place: str, root: str) -> Iterator[InputFile]:
    filesystem, inner = open_filesystem(place)
    with filesystem.open(inner, "rb") as stream:
        data: bytes = stream.read()
    if place.endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError) as error:
            raise ConfigError(f"{place} is not a whole gzip file: {error}", ("path",)) from None
    base = root or f"{place.rpartition('/')[0]}/"
    for line in data.decode("utf-8", "replace").splitlines():
        name = line.strip()
        if not name or name.startswith("#"):
            continue
        address = _join(base, name)
        if is_remote(address):
            yield InputFile(address, name, None, "listed")
        else:
            stat = Path(address).stat()
            yield InputFile(address, name, stat.st_size, f"{stat.st_size}-{stat.st_mtime_ns}")


def _fingerprint(info: dict[str, Any]) -> str:
    etag = info.get("ETag") or info.get("etag") or info.get("md5Hash")
    if etag:
        return f"{info.get('size')}-{str(etag).strip(chr(34))}"
    modified = info.get("mtime") or info.get("LastModified") or info.get("updated") or ""
    return f"{info.get('size')}-{modified}"
