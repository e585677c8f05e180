"""In which repository a document is, and its path in there: from the columns that say so, or from the id of a file."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import Settings


def location_columns(settings: Settings) -> list[str]:
    """The columns that say where a document is. Settings: repository, path."""
    return list(dict.fromkeys(["id", "source", *filter(None, (settings["repository"], settings["path"]))]))


def repositories_and_paths(batch: pa.RecordBatch, settings: Settings) -> tuple[pa.Array, pa.Array]:
    """The repository of each document (string, null: none) and its path in there."""
    if settings["repository"] is not None:
        repository, path = (batch.column(settings[name]).cast(pa.string()) for name in ("repository", "path"))
        there = pc.and_(pc.is_valid(repository), pc.is_valid(path))
        return pc.if_else(there, repository, pa.scalar(None, pa.string())), path
    # the id of a file is its source's name, a slash, and the file's name; a shard is of one source
    source = re.escape(batch.column("source")[0].as_py()) if batch.num_rows else ""
    folders = f"[^/]+(?:/[^/]+){{{settings['folders'] - 1}}}"
    pattern = f"^(?s:{source}/(?:\\./)*(?P<repository>{folders})/(?P<path>.+))$"
    found = pc.extract_regex(batch.column("id").cast(pa.string()), pattern)
    repository = pc.struct_field(found, "repository")
    # a file at the root itself, of a source whose path is `.`
    named = pc.invert(pc.match_substring_regex(repository, r"^\.(/|$)"))
    return pc.if_else(named, repository, pa.scalar(None, pa.string())), pc.struct_field(found, "path")
