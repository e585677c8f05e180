"""Where labelled documents come from: files of one label each, a field or column that has it, lists of hosts.

Documents are JSON lines, plain or compressed, or those that a run has kept (its output directory is named). With a
field, the field's value is the label: given by a labeller, or weak, as a page's source is. With lists of hosts in the
form of UT1's (a folder for each topic with a file `domains`, `urls` or `words`), the topic that a page's URL is listed
under is its label; a page under several topics, or none, has no label and is left out.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.shared.json_lines import json_objects

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
_RUN_COLUMNS = ("url", "source", "domain", "language")
_LISTS = {"domains": "domain", "urls": "url", "words": "word"}
_BATCH = 1000


@dataclass(frozen=True)
class Document:
    """A text with its label, and what it is from ("" where that isn't known)."""

    text: str
    group: str
    """its host, or its source where it has no URL"""
    label: str
    domain: str = ""
    language: str = ""
    source: str = ""
    url: str = ""


@dataclass
class FilesByLabel:
    """Files whose documents have one label each."""

    files: dict[str, list[Path]]
    text_field: str = "text"

    def __call__(self) -> Iterator[Document]:
        """Read all, label by label."""
        for label, paths in self.files.items():
            for path in paths:
                for place, item in _items(path, self.text_field):
                    yield _document(item, place, self.text_field, label)


@dataclass
class ByField:
    """Documents of files or of runs, one field of which is the label."""

    paths: Sequence[Path]
    label_field: str
    text_field: str = "text"
    levels: bool = False
    """labels must be whole numbers from 0, as ordinal ones are"""

    def __call__(self) -> Iterator[Document]:
        """Read all. Raises ConfigError for a document without a label."""
        for path in self.paths:
            for place, item in _items(path, self.text_field, (self.label_field,)):
                yield _document(item, place, self.text_field, self._label_of(item, place))

    def _label_of(self, item: dict[str, Any], place: str) -> str:
        label = item.get(self.label_field)
        if label is None:
            fields = ", ".join(sorted(map(str, item))[:12])
            raise ConfigError(f"{place}: no label in the field {self.label_field}; its fields are {fields}")
        if isinstance(label, float) and label.is_integer():
            label = int(label)
        if self.levels and not (str(label).isascii() and str(label).isdigit()):
            raise ConfigError(f"{place}: {label!r} is no whole number from 0, as ordinal labels are")
        if isinstance(label, (str, int)):
            return str(label)
        raise ConfigError(f"{place}: the label is {label!r}, which is neither a string nor a whole number")


@dataclass
class ByHosts:
    """Documents of files or of runs with URLs, labelled by the topic that lists have their host under."""

    paths: Sequence[Path]
    lists: Path
    text_field: str = "text"
    unlisted: int = field(default=0, init=False)
    """documents that no list names, of the last reading"""
    ambiguous: Counter[str] = field(default_factory=Counter, init=False)
    """documents that lists of several topics name, by these"""

    def __post_init__(self) -> None:
        from dspipe.kernels.urls.lists import build_table, entry_keys

        if not self.lists.is_dir():
            raise ConfigError(f"{self.lists} is no folder: lists of hosts are a folder for each topic")
        files = sorted(path for path in self.lists.rglob("*") if path.is_file() and path.stem in _LISTS)
        by_topic = dict[str, list[Path]]()
        for path in files:
            by_topic.setdefault(path.parent.relative_to(self.lists).as_posix(), []).append(path)
        by_topic.pop(".", None)  # a list of no topic
        if not by_topic:
            raise ConfigError(f"{self.lists}: no folder in it has a file named domains, urls or words")
        self.tables = {
            topic: build_table([entry_keys(path.read_bytes(), _LISTS[path.stem]) for path in paths])
            for topic, paths in by_topic.items()
        }

    def __call__(self) -> Iterator[Document]:
        """Read all, those with a topic. Raises ConfigError where no document has a URL."""
        self.unlisted, self.ambiguous = 0, Counter()
        batch = list[tuple[str, dict[str, Any]]]()
        with_urls = False
        for path in self.paths:
            for place, item in _items(path, self.text_field):
                with_urls |= isinstance(item.get("url"), str)
                batch.append((place, item))
                if len(batch) == _BATCH:
                    yield from self._labelled(batch)
                    batch = []
        yield from self._labelled(batch)
        if not with_urls:
            raise ConfigError(f"{', '.join(map(str, self.paths))}: no document has a url, by which lists are looked up")

    def _labelled(self, batch: list[tuple[str, dict[str, Any]]]) -> Iterator[Document]:
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.urls.lists import blocked_by

        urls = [item["url"] if isinstance(item.get("url"), str) else "" for _, item in batch]
        buffers = text_buffers(pa.array([url.encode("utf-8", "replace") for url in urls], pa.large_binary()))
        found = {topic: blocked_by(*buffers, table) > 0 for topic, table in self.tables.items()}
        for number, (place, item) in enumerate(batch):
            topics = [topic for topic, listed in found.items() if listed[number]]
            if len(topics) == 1:
                yield _document(item, place, self.text_field, topics[0])
            elif topics:
                self.ambiguous[" and ".join(topics)] += 1
            else:
                self.unlisted += 1


def files_of_classes(folder: Path) -> dict[str, list[Path]]:
    """The files of each label in a folder that has a file or a folder for each. Raises ConfigError."""
    files = dict[str, list[Path]]()
    for path in sorted(folder.iterdir()):
        label = path.name
        if path.name.startswith("."):
            continue
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.is_file() and file.name.endswith(SUFFIXES))
            if not inside:
                raise ConfigError(f"{path}: no file in it ends in {', '.join(SUFFIXES)}, so {label} has no document")
        elif (suffix := next((s for s in SUFFIXES if path.name.endswith(s)), None)) is not None:
            label, inside = path.name.removesuffix(suffix), [path]
        else:
            continue
        files.setdefault(label, []).extend(inside)
    if not files:
        raise ConfigError(f"{folder}: there is no file or folder in it for a label")
    return files


def _items(path: Path, text_field: str, more: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where it stands, its fields) of the documents of a file, or of those that a run has kept."""
    if not path.is_dir():
        for number, item in json_objects(path):
            yield f"{path}, line {number}", item
        return
    from dspipe.pipeline.errors import DamagedFileError, RunNotFoundError
    from dspipe.pipeline.inspection.document_table import REASON, DocumentTable

    try:
        table = DocumentTable.open(str(path))
        wanted = (text_field, *more)
        if missing := next((name for name in wanted if name not in table.columns), None):
            known = ", ".join(sorted(table.columns))
            raise ConfigError(f"{path}: the run has no column {missing}; there are: {known}")
        names = [*wanted, *(name for name in (*_RUN_COLUMNS, REASON) if name in table.columns)]
        for rows in table.read(list(dict.fromkeys(names))):
            for number, item in enumerate(rows.batch.to_pylist()):
                if item.get(REASON) is None:
                    yield f"{path}, document {rows.first + number} of shard {rows.shard}", item
    except (RunNotFoundError, DamagedFileError) as error:
        raise ConfigError(str(error)) from error


def _document(item: dict[str, Any], place: str, text_field: str, label: str) -> Document:
    text = item.get(text_field)
    if not isinstance(text, str):
        fields = ", ".join(sorted(map(str, item))[:12])
        raise ConfigError(f"{place}: no text in the field {text_field}; its fields are {fields}")

    def said(*names: str) -> str:
        return next((item[name] for name in names if isinstance(item.get(name), str)), "")

    url, source = said("url"), said("source")
    text = text.encode("utf-8", "replace").decode()
    return Document(text, _host(url) or source, label, said("domain"), said("language", "lang"), source, url)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # no address
        return ""
