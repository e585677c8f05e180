"""A look at the beginning of data files: of what format they are, which field is the text, in which languages."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from dspipe.pipeline.source import InputFile
from dspipe.stages.sources.reading.guess import first_objects, guess_format, read_head

_RECORDS = 100
_FILES = 50
_CODE_NAMES = "py c h cc cpp hpp java js jsx ts tsx go rs rb php cs swift kt scala sh sql lua r jl"
_CODE = frozenset(f".{name}" for name in _CODE_NAMES.split())
_TEXT_FIELDS = ("text", "content", "body", "raw_content", "document", "passage", "article", "markdown", "code")
_OTHER_FIELDS = {"id": ("id", "doc_id", "uuid", "_id", "docid"), "url": ("url", "uri", "link", "source_url")}


class NothingToReadError(Exception):
    """Files of which no config can be made; the message says which, and why."""


@dataclass
class Looked:
    """What a look at files of one kind, side by side, has shown. It becomes a source."""

    format: str
    paths: list[Path]
    size: int
    fields: dict[str, str] = field(default_factory=dict)
    there: list[str] = field(default_factory=list)
    """fields or columns of the records"""
    said_domains: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    code: bool = False
    folder: Path | None = None
    """given as a whole"""


def look_at(given: Sequence[Path]) -> list[Looked]:
    """What files and folders hold; files side by side that are alike are one. Raises NothingToReadError."""
    looked: list[Looked] = []
    for path in given:
        if not path.exists():
            raise NothingToReadError(f"{path}: no such file or folder")
        for one in _look_at_folder(path) if path.is_dir() else [_look_at_file(path)]:
            like = next((other for other in looked if _side_by_side(one, other)), None)
            if like is None:
                looked.append(one)
            else:
                like.paths += one.paths
                like.size += one.size
                like.languages += one.languages
                like.said_domains += one.said_domains
    return looked


def _side_by_side(one: Looked, other: Looked) -> bool:
    alike = (one.format, one.fields, one.code) == (other.format, other.fields, other.code)
    return alike and one.folder is other.folder is None and one.paths[0].parent == other.paths[0].parent


def _look_at_file(path: Path) -> Looked:
    with path.open("rb") as stream:
        head = read_head(stream)
    guess = guess_format(head, path.name)
    if guess in ("json", "wat", "binary", "nothing"):
        said = {
            "json": "is one JSON document; JSON lines are one object a line (`jq -c '.[]'` makes them of a list)",
            "wat": "is a WAT file of metadata, which holds no text",
            "binary": "is neither text nor a format that is known",
            "nothing": "is nested too deep to be read" if head.strip() else "is empty",
        }
        raise NothingToReadError(f"{path} {said[guess]}")
    one = Looked(guess, [path], path.stat().st_size)
    if guess == "jsonl":
        _find_fields(one, first_objects(head, _RECORDS))
    elif guess == "parquet":
        _find_fields(one, _first_rows(path))
    elif guess == "files":
        one.code = path.suffix.lower() in _CODE
    _find_languages(one)
    return one


def _look_at_folder(folder: Path) -> Iterator[Looked]:
    """What lies in a folder, by format."""
    files = sorted(
        file
        for file in folder.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
    by_format: dict[str, list[Path]] = {}
    for file in files[:: max(1, len(files) // _FILES)]:
        with suppress(OSError), file.open("rb") as stream:
            by_format.setdefault(guess_format(read_head(stream), file.name), []).append(file)
    found = False
    for format, some in by_format.items():
        if format not in ("warc", "wet", "jsonl", "parquet", "files"):
            continue
        one = _look_at_file(some[0])
        for other in some[1:5]:
            one.languages += _look_at_file(other).languages
        suffixes = {file.suffix for file in files}
        one.folder, one.size = folder, sum(file.stat().st_size for file in files)
        if format == "files":
            one.code = all(file.suffix.lower() in _CODE for file in some)
        elif len(by_format) > 1:
            suffixes = {"".join(file.suffixes) for file in some}
        one.paths = (
            [folder / "**" / f"*{suffix}" for suffix in sorted(suffixes)] if format != "files" else [folder / "**"]
        )
        found = True
        yield one
    if not found:
        raise NothingToReadError(f"{folder} holds no file with text")


def _first_rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    try:
        return list(next(pq.ParquetFile(path).iter_batches(_RECORDS)).to_pylist())
    except StopIteration:
        return []
    except Exception as error:
        raise NothingToReadError(f"{path} is a Parquet file that can't be read: {error}") from None


def _find_fields(one: Looked, rows: Sequence[dict[str, Any]]) -> None:
    """Which field is the text: by its name, or the one with the longest strings; and those that say more."""
    lengths: Counter[str] = Counter()
    for row in rows:
        lengths.update({name: len(value) for name, value in row.items() if isinstance(value, str)})
        one.said_domains.update([row["domain"]] if isinstance(row.get("domain"), str) else [])
    one.there = list(dict.fromkeys(name for row in rows for name in row))
    if not lengths:
        raise NothingToReadError(f"{one.paths[0]} has no field with text; there are {', '.join(one.there) or 'none'}")
    text = next((name for name in _TEXT_FIELDS if lengths[name]), None) or lengths.most_common(1)[0][0]
    if text != "text":
        one.fields["text"] = text
    for field_name, names in _OTHER_FIELDS.items():
        found = next((name for name in names if name in one.there), None)
        if found is not None and found != field_name:
            one.fields[field_name] = found


def _find_languages(one: Looked) -> None:
    import pyarrow as pa

    from dspipe.kernels.arrow import text_buffers
    from dspipe.stages.shared.fasttext_models import find_model, load_classifier

    texts = list(_first_texts(one))
    if one.code or not texts:
        return
    classifier = load_classifier(find_model("lid.176.ftz"))
    found = classifier.predict(*text_buffers(pa.array(texts, pa.large_string())), 1024, 0.75)
    for label, score in zip(found.label.tolist(), found.score.tolist(), strict=True):
        one.languages.update([classifier.labels[label]] if label >= 0 and score > 0.3 else [])


def _first_texts(one: Looked) -> Iterator[str]:
    """The texts of the first documents of the first file, pages extracted."""
    from dspipe.pipeline.sampled_source import SampledConfig, SampledSource
    from dspipe.stages.extract.stage import ExtractConfig, ExtractStage

    path = one.paths[0]
    settings: dict[str, Any] = {"name": "first", "format": one.format, "path": str(path)}
    settings |= {"fields": one.fields} if one.fields else {}
    source = SampledSource(
        SampledConfig(name="first", format=one.format, path=str(path), of=settings, records=_RECORDS)
    )
    extract = ExtractStage("extract", ExtractConfig())
    file = InputFile(str(path), path.name, path.stat().st_size, "")
    for batch in source.read([file], _Reading()):
        for row in batch.to_pylist():
            with suppress(ValueError):
                yield row["text"] or (extract.extract(row["content"], row["content_type"]) if row["content"] else "")


class _Reading:
    """What a format needs to read a file here; what is bad is passed over."""

    batch_rows = _RECORDS
    batch_bytes = 16 << 20
    memory = 1 << 30

    def open(self, file: InputFile) -> BinaryIO:
        return Path(file.path).open("rb")

    def bad(self, *named: Any, **described: Any) -> None:
        pass

    def skipped(self, reason: str, n: int = 1) -> None:
        pass
