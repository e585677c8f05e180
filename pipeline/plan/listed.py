"""Lists of paths (`wet.paths.gz`), one a line, as crawls publish them."""

import io
import os
import re

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.storage.filesystem import open_filesystem

_LIST = re.compile(r"\.paths(?:\.(?:gz|zst|zstd|lz4|bz2|xz))?$")


def is_list(place: str) -> bool:
    """Whether a path names a list of paths."""
    return bool(_LIST.search(place))


def listed_paths(place: str) -> list[str]:
    """The lines that aren't blank, as they are, comments too. Raises ConfigError for a damaged list, OSError."""
    from dspipe.pipeline.storage.compression.damage import DamagedError
    from dspipe.pipeline.storage.compression.detect import decompressed

    filesystem, inner = open_filesystem(place)
    with filesystem.open(inner, "rb") as stream:
        stored: bytes = stream.read()
    try:
        data = b"".join(piece for _, piece in decompressed(io.BytesIO(stored))[1])
    except DamagedError as error:
        raise ConfigError(f"{place} can't be decompressed: {error}", ("path",)) from None
    lines = os.fsdecode(data.removeprefix(b"\xef\xbb\xbf")).split("\n")
    return [line.strip() for line in lines if line.strip()]
