"""The input files of a source: patterns, directories and lists of paths, with a fingerprint of each file.

Of a folder, or a pattern that ends in a bare `*`, only the files that are named like the format count. Each file is
read once, under however many names it is found. What is left out of what a path stands for is counted by kind.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dspipe.pipeline.config.suggestions import near
from dspipe.pipeline.config.yaml_lines import KeyPath
from dspipe.pipeline.environment import expand_known, unknown_variable
from dspipe.pipeline.errors import ConfigError, MissingExtraError, StorageError, UnreachableError
from dspipe.pipeline.plan.left_out import LeftOut
from dspipe.pipeline.plan.listed import is_list, listed_paths
from dspipe.pipeline.plan.local_files import LocalFile, Parts, local_file, walk
from dspipe.pipeline.plan.patterns import first_hidden, has_magic, likeness, matches, may_lead
from dspipe.pipeline.source import InputFile, Source
from dspipe.pipeline.storage.failures import UnavailableError, is_storage_failure, storage_error
from dspipe.pipeline.storage.filesystem import is_remote, open_filesystem
from dspipe.pipeline.storage.secrets import without_secrets


@dataclass
class Inputs:
    """The files of a source in the order of their names, each once, and what was left out."""

    files: list[InputFile] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=LeftOut)


@dataclass(frozen=True)
class _Found:
    """A file that a path stands for. `real` is the same for all names of a file; `parts` are those below the path."""

    file: InputFile
    real: str
    parts: Parts = ()
    linked: bool = False


def input_files(source: Source[Any]) -> Inputs:
    """The files of a source.

    Raises ConfigError where a path, pattern or list gives nothing, and UnreachableError where a remote place can't be
    asked. Files named by a list on a remote storage aren't looked up one by one: what a crawl publishes doesn't change,
    so their fingerprint is their path.
    """
    paths = source.config.path if isinstance(source.config.path, list) else [source.config.path]
    root = expand_variables(source.config.root)
    inputs, found = Inputs(), dict[str, InputFile]()
    for index, path in enumerate(paths):
        key = ("path", index) if isinstance(source.config.path, list) else ("path",)
        place = below_root(root, expand_variables(path))
        with _told(place, key):
            files = _files(place, root, source, inputs.left_out)
        if not files:
            raise ConfigError(f"{place} matches no files", key)
        for one in files:
            if one.real not in found:
                found[one.real] = one.file
            elif one.linked:
                inputs.left_out.add("link to a file that is read already", one.file.name)
    inputs.files = sorted(_with_names_apart(list(found.values())), key=lambda file: file.name)
    del inputs.files[source.config.limit or len(inputs.files) :]
    with _told(", ".join(paths), ()):
        inputs.files = source.choose(inputs.files, inputs.left_out.count)
    return inputs


@contextmanager
def _told(place: str, key: KeyPath) -> Iterator[None]:
    """What goes wrong at a place of the config with this key, as ConfigError or UnreachableError."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(str(error), key or error.key) from None
    except FileNotFoundError:
        raise ConfigError(f"{place}: no such file or directory{_meant(place)}", key) from None
    except PermissionError as error:
        raise ConfigError(f"{place}: permission denied ({error})", key) from None
    except MissingExtraError as error:
        raise UnreachableError(str(error)) from None
    except StorageError as error:
        raise ConfigError(str(error), key) from None
    except Exception as error:
        if isinstance(error, UnavailableError):
            raise UnreachableError(str(error)) from None
        if is_storage_failure(error) and is_remote(place):
            raise UnreachableError(f"{place}: {error}") from None
        if not isinstance(error, OSError):
            raise
        raise ConfigError(str(storage_error(error, place, "read")), key) from None


def _with_names_apart(files: list[InputFile]) -> Iterator[InputFile]:
    """Of files that have one name (lines of two lists, each relative to its own) the first keeps it, so that its
    documents keep their ids when a list is added; the others are named by their whole path."""
    taken: set[str] = set()
    for file in files:
        name = without_secrets(file.name)
        if name in taken:
            name = without_secrets(file.path.removeprefix(f"{Path.cwd()}/").lstrip("/"))
        if name in taken and name != file.path:  # files that a token alone tells apart
            name += f"#{hashlib.sha256(file.path.encode()).hexdigest()[:8]}"
        if name in taken:
            raise ConfigError(f"{file.path} can't be told from another file that is named {name} too", ("path",))
        taken.add(name)
        yield InputFile(file.path, name, file.size, file.fingerprint)


def common_folder(source: Source[Any]) -> str:
    """The folder, with its slash, that a source's files lie in where its paths are absolute and have no root, as the
    names of its files begin with it, up to the first wildcard. Where data lies is no part of what its documents are
    known by; names below a root, or of relative paths, leave it out already. Empty: none."""
    paths = source.config.path if isinstance(source.config.path, list) else [source.config.path]
    folders = []
    for path in map(expand_variables, paths):
        if source.config.root or not (path.startswith("/") or is_remote(path)):
            return ""
        name = (path.partition("://")[2] or path).lstrip("/")
        fixed = re.split(r"[*?\[]", name, maxsplit=1)[0]
        folders.append(fixed[: fixed.rfind("/") + 1])
    shared = os.path.commonprefix(folders)  # noqa: RUF071  cut to whole folders
    return shared[: shared.rfind("/") + 1]


def expand_variables(path: str) -> str:
    """~, $NAME and ${NAME} of the environment; ${SITE_PACKAGES} is where this Python's packages are installed."""
    unknown = unknown_variable(path)
    if unknown is not None:
        raise ConfigError(f"{path}: there is no environment variable {unknown}", ("path",))
    expanded = expand_known(path)
    return expanded if is_remote(expanded) else str(Path(expanded).expanduser()) if expanded else ""


def below_root(root: str, path: str) -> str:
    """A relative path behind the root; an absolute one, and one on a remote storage, as it is."""
    if not root or is_remote(path) or path.startswith("/"):
        return path
    return f"{root.rstrip('/')}/{path}"


def _files(place: str, root: str, source: Source[Any], left_out: LeftOut) -> list[_Found]:
    """What a path stands for."""
    if is_list(place):
        return list(_listed(place, root, left_out))
    filesystem, inner = open_filesystem(place)
    base, pattern = _base_and_pattern(inner, filesystem.exists)
    # names leave out the root, so that ids are the same wherever the data is kept
    prefix = f"{open_filesystem(root)[1].rstrip('/')}/" if root else ""
    if not root and not is_remote(place) and not Path(place).is_absolute():
        prefix = f"{Path.cwd()}/"
    folder = bool(pattern) or filesystem.isdir(base)
    hidden = _Hidden(pattern, bool(source.suffixes), base, left_out)
    if is_remote(place):
        protocol = place.split("://")[0] + "://"
        found = list(_remote(filesystem, base, pattern, folder, prefix, protocol, hidden, left_out))
    else:
        found = list(_local(base, pattern, folder, prefix, hidden, left_out))
    found = [one for one in found if not hidden(one.parts)]
    if folder and (not pattern or pattern[-1] in ("*", "**")):
        return _named_like(source, place, found, left_out)
    return found


def _base_and_pattern(inner: str, exists: Callable[[str], bool]) -> tuple[str, Parts]:
    """The part of a path that is there by its very name, brackets and all, and the pattern that follows."""
    if not has_magic(inner) or exists(inner):
        return inner.rstrip("/") or "/", ()
    parts, end = inner.rstrip("/").split("/"), 0
    while end < len(parts) and (
        not has_magic(parts[end]) or (end < len(parts) - 1 and exists("/".join(parts[: end + 1])))
    ):
        end += 1
    return "/".join(parts[:end]) or "/", tuple(parts[end:])


class _Hidden:
    """Tells what is hidden or temporary, and counts each such file, or the folder that it is in, once."""

    def __init__(self, pattern: Parts, underscore: bool, base: str, left_out: LeftOut) -> None:
        self._pattern, self._underscore, self._base, self._left_out = pattern, underscore, base, left_out
        self._seen: set[Parts] = set()

    def __call__(self, parts: Parts) -> bool:
        place = first_hidden(parts, self._pattern, self._underscore)
        if place is None:
            return False
        top = parts[: place + 1]
        if top not in self._seen:
            self._seen.add(top)
            self._left_out.add("hidden or temporary", "/".join((self._base, *top)))
        return True


def _local(
    base: str, pattern: Parts, folder: bool, prefix: str, hidden: _Hidden, left_out: LeftOut
) -> Iterator[_Found]:
    wanted = pattern or ("**",)
    files: Iterator[LocalFile | Parts]
    if folder:
        files = walk(base, lambda parts: may_lead(parts, wanted) and not hidden(parts), left_out)
    else:
        files = iter([local_file(base)])
    for file in files:
        if not isinstance(file, LocalFile):
            if matches(file, wanted) and not hidden(file):
                left_out.add("folder that a pattern for files matches", "/".join((base, *file)))
        elif not file.parts or matches(file.parts, wanted):
            name = file.path.removeprefix(prefix).lstrip("/")
            entry = InputFile(file.path, name, file.size, file.fingerprint)
            yield _Found(entry, file.real, file.parts, file.linked)


def _remote(
    filesystem: Any,
    base: str,
    pattern: Parts,
    folder: bool,
    prefix: str,
    protocol: str,
    hidden: _Hidden,
    left_out: LeftOut,
) -> Iterator[_Found]:
    wanted = pattern or ("**",)
    entries: Iterator[tuple[Parts, dict[str, Any] | None]]
    if folder:
        deep = wanted[0] == "**"
        entries = filesystem.walk(base, lambda parts: may_lead(parts, wanted) and not hidden(parts), deep)
    else:
        entries = iter([((), filesystem.info(base))])
    for parts, info in entries:
        name = "/".join((base, *parts))
        address = name if name.startswith(protocol) else protocol + name
        if info is None:
            if matches(parts, wanted) and not hidden(parts):
                left_out.add("folder that a pattern for files matches", address)
        elif not parts or matches(parts, wanted):
            entry = InputFile(address, name.removeprefix(prefix).lstrip("/"), info.get("size"), _fingerprint(info))
            yield _Found(entry, address, parts)


def _named_like(source: Source[Any], place: str, found: Sequence[_Found], left_out: LeftOut) -> list[_Found]:
    """Without files that are named like something else than the format. Of several names of a file one that is named
    like the format comes first, then one that is no link."""
    kinds = {one.file.path: likeness(one.file.name, source.suffixes) for one in found}
    order = ["format", "other", "unknown"]
    by_kind = sorted(found, key=lambda one: (order.index(kinds[one.file.path]), one.linked, one.file.name))
    others = {one.real for one in found if kinds[one.file.path] == "other"}
    likely = {one.real for one in found if kinds[one.file.path] == "format"}
    kept = []
    for one in by_kind:
        if one.real in others and one.real not in likely:
            if kinds[one.file.path] == "other":
                left_out.add(f"not named like {source.config.format}", one.file.path)
        else:
            kept.append(one)
    if found and not kept:
        endings = ", ".join(source.suffixes)
        example = f"{place.rstrip('/*')}/**/*{Path(by_kind[0].file.path).suffix}"
        raise ConfigError(
            f"{place} holds no file that is named like {source.config.format} ({endings}); if its files are that all "
            f"the same, give a pattern like {example}",
            ("path",),
        )
    return kept


def _listed(place: str, root: str, left_out: LeftOut) -> Iterator[_Found]:
    base = root or f"{place.rpartition('/')[0]}/"
    for name in listed_paths(place):
        address = below_root(base, name)
        comment = name.startswith("#")
        if is_remote(address):
            if not comment:
                yield _Found(InputFile(address, name, None, "listed"), address)
            elif " " not in name:
                left_out.add("commented out in a list of paths", name)
            continue
        address = address.removeprefix("file://")
        if comment and not Path(address).exists():
            if " " not in name:
                left_out.add("commented out in a list of paths", name)
            continue
        try:
            file = local_file(address)
        except FileNotFoundError:
            raise ConfigError(f"{place} names {name}, but there is no file {address}", ("path",)) from None
        yield _Found(InputFile(address, name, file.size, file.fingerprint), file.real, linked=file.linked)


def _fingerprint(info: dict[str, Any]) -> str:
    etag = info.get("ETag") or info.get("etag") or info.get("md5Hash")
    if etag:
        return f"{info.get('size')}-{str(etag).strip(chr(34))}"
    modified = info.get("mtime") or info.get("LastModified") or info.get("updated") or ""
    return f"{info.get('size')}-{modified}"


def _meant(place: str) -> str:
    """What of the things that are there is named most like a path that isn't."""
    if is_remote(place):
        return ""
    path = Path(place)
    try:
        while not path.parent.is_dir() and path.parent != path:
            path = path.parent
        close = near(path.name, (other.name for other in path.parent.iterdir()))
    except OSError:  # a folder that can't be read, so nothing is known of what is there
        return ""
    return f"; did you mean {path.with_name(close)}?" if close else ""
