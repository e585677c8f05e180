"""What a path holds: files of token ids, and what an `index.json` or a tokenizer.json beside them says of the ids."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dspipe.stages.pack.formats import mds_reading
from dspipe.stages.pack.manifest import ROWS_SUFFIX, Manifest
from dspipe.stages.pack.reading.shard_files import ShardError, Shards, find_index
from dspipe.stages.pack.statistics.token_files import MdsFile, MegatronFile, ParquetFile, TokenFile, TokenFileError
from dspipe.stages.pack.tokenizer_json import BEGIN, END, PAD, read_added_tokens

TOKENIZER, MANIFEST = "tokenizer.json", "index.json"


@dataclass(frozen=True)
class TokenNames:
    """What ids mean. None: not known."""

    vocabulary: int | None = None
    """number of ids"""
    end: int | None = None
    begin: int | None = None
    pad: int | None = None
    said_by: str = ""
    """the file that says so"""


@dataclass(frozen=True)
class FoundShards:
    """Files of token ids at a path."""

    path: str
    format: str
    files: Sequence[TokenFile]
    names: TokenNames
    tokenizer: Path | None
    """the tokenizer.json that decodes the ids"""
    remarks: list[str] = field(default_factory=list)


def find_shards(path: Path, tokenizer: Path | None = None) -> FoundShards:
    """The files at a path: a shard, a folder of shards, or an index. `tokenizer`: a tokenizer.json or its folder; by
    default one that lies beside them. Raises TokenFileError, MegatronIndexError, MdsError, ShardError."""
    format, files, folder, manifest = _look_at(path)
    found = FoundShards(str(path), format, files, TokenNames(), None)
    if manifest is not None:
        found = replace(found, names=_named_by(manifest))
    return _with_tokenizer(found, tokenizer, folder, manifest)


def _look_at(path: Path) -> tuple[str, list[TokenFile], Path, Manifest | None]:
    """Format, files, their folder, and the manifest of them, where dspipe has packed them."""
    if path.suffix in (".bin", ".idx"):
        file = MegatronFile(path.with_suffix(".bin"))
        return "megatron", [file], path.parent, _manifest_of(file.path)
    if path.is_dir() or path.name.endswith("index.json"):
        return _look_at_folder(path)
    if not path.exists():
        raise TokenFileError(f"{path}: no such file or directory")
    makers: dict[str, Callable[[Path], TokenFile]] = {
        ".mds": lambda one: MdsFile(mds_reading.one_shard(one)),
        ".parquet": ParquetFile,
    }
    if path.suffix not in makers:
        raise TokenFileError(f"{path} is no shard that is known: .bin with .idx, .mds, .parquet, or a folder of them")
    return path.suffix[1:], [makers[path.suffix](path)], path.parent, _manifest_of(path)


def _look_at_folder(path: Path) -> tuple[str, list[TokenFile], Path, Manifest | None]:
    folder = path if path.is_dir() else path.parent
    index = path / "index.json" if path.is_dir() else path
    if index.is_file() and not _is_ours(index):
        return "mds", [MdsFile(shard) for shard in mds_reading.list_shards(index)], folder, None
    with contextlib.suppress(ShardError):
        shards = Shards(find_index(path))
        suffix = ROWS_SUFFIX[shards.manifest.format]
        files = [_ours(shards, number, suffix) for number in range(len(shards.parts))]
        return shards.manifest.format, files, folder, shards.manifest
    if index.is_file():
        raise ShardError(f"{index} is no manifest of packed shards, and no index of MDS shards")
    bins = [file for file in sorted(folder.glob("*.bin")) if file.with_suffix(".idx").is_file()]
    if bins:
        return "megatron", [MegatronFile(file) for file in bins], folder, None
    if found := sorted(folder.glob("*.mds")):
        return "mds", [MdsFile(mds_reading.one_shard(file)) for file in found], folder, None
    if found := sorted(folder.glob("*.parquet")):
        return "parquet", [ParquetFile(file) for file in found], folder, None
    raise TokenFileError(
        f"{path} holds neither a run (run.json) nor packed shards (index.json, shards/*.index.json, .bin with .idx, "
        f".mds, .parquet)"
    )


def _ours(shards: Shards, number: int, suffix: str) -> TokenFile:
    path = shards.local_path(number, suffix)
    if suffix == ".bin":
        return MegatronFile(path)
    return ParquetFile(path) if suffix == ".parquet" else MdsFile(mds_reading.one_shard(path))


def _is_ours(index: Path) -> bool:
    try:
        value: Any = json.loads(index.read_bytes())
    except ValueError:
        return False
    return isinstance(value, dict) and "parts" in value


def _manifest_of(file: Path) -> Manifest | None:
    """The manifest that names a file, if one lies beside it or above it."""
    beside = sorted(file.parent.glob("*index.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for index in (*beside, file.parent.parent / "index.json"):
        try:
            manifest = Manifest.from_json(json.loads(index.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        names = {one.name.rpartition("/")[2] for part in manifest.parts for one in part.files.values()}
        if file.name in names:
            return manifest
    return None


def _named_by(manifest: Manifest) -> TokenNames:
    return TokenNames(manifest.vocabulary, manifest.end_token, manifest.begin_token, manifest.pad_token, MANIFEST)


def _with_tokenizer(found: FoundShards, given: Path | None, folder: Path, manifest: Manifest | None) -> FoundShards:
    """With the tokenizer that is given, or lies beside the shards and is theirs."""
    if given is not None:
        file = given / TOKENIZER if given.is_dir() else given
        content = _read_tokenizer(file)
    else:
        beside = [place / TOKENIZER for place in (folder, folder.parent)]
        near = [place for place in beside if place.is_file()]
        if manifest is not None:
            near = [place for place in near if _sha256(place) == manifest.tokenizer_sha256]
        if not near:
            return found
        file, content = near[0], _read_tokenizer(near[0])
    remarks = list(found.remarks)
    if manifest is not None and hashlib.sha256(content).hexdigest() != manifest.tokenizer_sha256:
        remarks.append(f"{file} is another tokenizer than the one that the shards were made with")
    added, vocabulary = read_added_tokens(content)
    names = found.names
    if manifest is None:
        end, begin, pad = (next((added[name] for name in usual if name in added), None) for usual in (END, BEGIN, PAD))
        names = TokenNames(vocabulary, end, begin, pad, str(file))
    return replace(found, names=names, tokenizer=file, remarks=remarks)


def _read_tokenizer(file: Path) -> bytes:
    """Raises TokenFileError."""
    try:
        content = file.read_bytes()
        read_added_tokens(content)
    except OSError as error:
        raise TokenFileError(f"{file}: {error.strerror}") from None
    except (ValueError, AttributeError, TypeError, KeyError):
        raise TokenFileError(f"{file} is no tokenizer.json") from None
    return content


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
