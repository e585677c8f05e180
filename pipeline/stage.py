"""What a stage is: the two small interfaces between the engine and everything that happens to documents.

A stage is one file `stages/<key>.py`, or one folder `stages/<key>/` whose file `stage.py` is meant; <key> is its key in
the config. The file holds one subclass of `MapStage` or `GlobalStage` with a pydantic model `Config` beside it. Nothing
else has to change to add one. `docs/writing-a-stage.md` has examples; `dspipe.testing.check_stage` tests one.

A document's text moves once. So a stage's work falls into two parts:

    text pass       `measure` sees batches of documents with their text, right after they are read. All stages' measures
                    run one after the other in one task per input shard. A stage adds columns there (statistics,
                    scores, signatures), or rewrites the text; it does not drop.
    decisions       what is kept is decided from columns alone, in the order of the config: by `judge` of a map stage,
                    row by row, or by the phases of a global stage, which see the whole corpus through exchanges.

Order means order: a stage sees the text as those before it left it. Where one that sees the whole corpus has rewritten
texts, those behind it that measure do so in another text pass, over the documents that are still kept; so do stages
that say that measuring costs much, `measures_kept_only`, behind what drops documents before them
(`pipeline.plan.text_passes` cuts the stages into passes).

The results of each part are kept under a key of the code that runs and the settings that it is given, so that editing a
threshold repeats decisions and not the text pass. What isn't in the key can't be read: see `StageConfig.only`.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from dspipe.pipeline.errors import SettingNotInKeyError, StageContractError
from dspipe.pipeline.threshold import Threshold

if TYPE_CHECKING:
    import pyarrow as pa

    from dspipe.pipeline.rejudging import Rejudged, RunDocuments
    from dspipe.pipeline.run.run_file import RunFile
    from dspipe.pipeline.storage.store import Store

Settings = Mapping[str, Any]
"""settings as JSON values, by name"""


NOTHING: Settings = MappingProxyType({})


class Decides:
    """Marks a field of a config model that only decides, like a threshold: `minimum: Annotated[float, Decides] = 0.5`.

    `measure` cannot read it, and an edit of it doesn't read the text again."""


class StageConfig(BaseModel):
    """Base of every stage's config model: unknown keys, NaN and infinities are refused, values don't change after
    loading."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True, use_attribute_docstrings=True)

    @classmethod
    def deciding(cls) -> frozenset[str]:
        """The names of the fields that only decide."""
        return frozenset(name for name, field in cls.model_fields.items() if Decides in field.metadata)

    def only(self, names: Iterable[str]) -> Self:
        """The same settings without all others: reading another one raises SettingNotInKeyError."""
        restricted = self.model_copy()
        allowed = set(names)
        # cached properties and private attributes may hold others
        for name in [name for name in restricted.__dict__ if name not in allowed]:
            del restricted.__dict__[name]
        object.__setattr__(restricted, "__pydantic_private__", None)
        return restricted

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """As pydantic's, with sets in order: their own differs from process to process, and is part of keys."""
        values = super().model_dump(**options)
        for name, value in values.items():
            if isinstance(value, list) and isinstance(self.__dict__.get(name), set | frozenset):
                values[name] = sorted(value, key=str)
        return values

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in type(self).model_fields:
                raise SettingNotInKeyError(type(self).__module__, name)
            return super().__getattr__(name)


class NamedConfig(StageConfig):
    """Base of the config model of a stage that may stand in a config any number of times."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")] | None = None
    """What it is called in its columns, reasons and tables; of several, each needs a name of its own. Default: its
    key."""


class MapConfig(StageConfig):
    """Base of a map stage's config model."""

    early: bool = False
    """Judge in the text pass and don't store the text of documents that are dropped. Saves disk where most are dropped
    (a crawl's other languages); a change of this stage's thresholds then reads the sources again."""
    domains: tuple[str, ...] | dict[str, tuple[str, ...]] | None = None
    """Judge only documents of these domains (rules for web pages would drop most source code), or with these values of
    other columns: `{topic: [science, law]}`. Default: all."""


ConfigT = TypeVar("ConfigT", bound=StageConfig)


@dataclass(frozen=True)
class StageSettings:
    """What a function that a stage names is given of it: its own settings, all of them covered by the key."""

    name: str
    seed: int
    """the run's, part of every phase's key; of the text pass's where `measure_settings` looks at it"""
    settings: Settings


@dataclass(frozen=True)
class Limit:
    """What one of a document's columns is held against, for `dspipe explain`."""

    column: str
    asks: str
    """in words: `at least 0.65`"""
    reason: str
    """with which a document is dropped that breaks it"""
    broken: bool


@dataclass(frozen=True)
class Span:
    """A part of a text that a stage has something to say of, such as a repeated n-gram."""

    start: int
    """its first character (code point)"""
    end: int
    """the one after its last; of something that was cut out of the text, the same as `start`"""
    what: str
    """in a few words"""


class Stage(ABC, Generic[ConfigT]):
    """What both kinds of stage share. Instances are cheap to make and hold no open resources until first used."""

    Config: ClassVar[type[StageConfig]]
    final_for: ClassVar[Literal["texts", "documents"] | None] = None
    """What the stage takes as it is, for good. Behind one that is final for texts (it has encoded them) no stage may
    rewrite them; behind one that is final for documents (it has written them out) no stage may stand at all."""
    extracts: ClassVar[bool] = False
    """Whether `measure` makes the text of documents that come as `content`, such as pages of HTML."""
    measure_run: ClassVar[str] = ""
    """The function that measures, as `module:function`, called with the batch and the `StageSettings` of
    `measure_settings`; the key of the text pass then covers its module instead of the stage's. Default: `measure`."""
    judges_by: ClassVar[tuple[str, ...]] = ()
    """well-known columns (`language`): documents that have none there are kept whatever they say"""
    name: str
    config: ConfigT
    seed: int

    def __init__(self, name: str, config: ConfigT, seed: int = 0) -> None:
        self.name, self.config, self.seed = name, config, seed

    @property
    def rewrites(self) -> bool:
        """Whether `measure` rewrites the text, or a phase does (it writes the columns `text` and `text_bytes`). Most
        stages that do say `rewrites = True`."""
        return False

    @property
    def measures(self) -> bool:
        """Whether the stage has a part in a text pass. One that measures with some settings only says so here."""
        return bool(self.measured_columns() or self.measure_run or type(self).measure is not Stage.measure)

    @property
    def measures_kept_only(self) -> bool:
        """Whether measuring costs so much more than reading that the texts are read once more for it, behind whatever
        drops documents before the stage: it then measures those alone that are still kept. Default: no."""
        return False

    @property
    def gpus(self) -> float:
        """What a task in which the stage measures reserves of a GPU on a Ray cluster, from 0 to 1. Default: nothing."""
        return 0.0

    def check(self) -> None:
        """Look at paths, models and combinations of settings before any work. Raises ConfigError."""

    def check_machine(self) -> None:
        """Look at what this machine has, such as a GPU; asked where the work is done on it and not on a cluster.
        Raises ConfigError."""

    def check_beside(self, stages: "Sequence[Stage[Any]]") -> None:
        """Look at what the other stages of the config mean for this one; `stages` are all, in order. Raises
        ConfigError."""

    def check_columns(self, known: "Mapping[str, pa.DataType]") -> None:
        """Look at the columns that documents have in this config, wherever they come from, and at their types. Raises
        ConfigError."""

    def domains_named(self) -> "Iterator[tuple[tuple[str | int, ...], str]]":
        """The domains that the settings name, each with its key; one that no source has is a mistake. Default: those of
        the setting `domains`."""
        domains = getattr(self.config, "domains", None)
        for index, name in enumerate(() if isinstance(domains, dict) else domains or ()):
            yield ("domains", index), name

    @property
    def concerns(self) -> dict[str, tuple[str, ...]]:
        """Which documents the stage is for: the values that each of these columns must have; none: all documents. From
        the setting `domains`."""
        domains = getattr(self.config, "domains", None)
        return domains if isinstance(domains, dict) else {} if domains is None else {"domain": tuple(domains)}

    def concerned(self, columns: "pa.RecordBatch") -> "pa.Array | None":
        """For each document whether the stage is for it (never null); None: for all. `columns` has those that
        `concerns` names."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found = None
        for name, values in self.concerns.items():
            fits = pc.is_in(columns.column(name).cast(pa.string()), pa.array(values, pa.string()))
            found = fits if found is None else pc.and_(found, fits)
        return found

    def values_of(self, column: str) -> Collection[str] | None:
        """All values that a column of text which the stage makes may have, where they are known before any work, such
        as a classifier's labels. Default: not known."""
        return None

    def check_certain_domains(self, certain: Collection[str]) -> None:
        """Look at the domains of which there are documents for sure. Raises ConfigError."""

    def remarks(self) -> list[str]:
        """What somebody should know of these settings before a run, for `dspipe plan`."""
        return []

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        """The columns that `measure` adds, which the engine checks after each batch. Names are the stage's name,
        or start with it and a dot, except the well-known ones (`language`, `language_score`, `quality`, `domain`).
        Empty: no part in the text pass, unless `measure` rewrites the text."""
        return ()

    def measure_settings(self) -> Settings:
        """What `measure` depends on, as JSON values. Default: all settings but those that only decide (`Decides`), and
        `early` and `domains`. A stage that reads a file gives a digest of it here.

        `measure` sees those settings that this method has looked at, and no others."""
        names = set(self.Config.model_fields) - self.Config.deciding() - set(MapConfig.model_fields)
        return dict(self.config.model_dump(mode="json", include=names))

    def set_up(self) -> None:
        """Read the models and lists that `measure` needs, before a worker gives it documents. What goes wrong here, or
        in `measure` with a batch of no rows, is the machine's trouble: the task is tried again, and fails the run in
        the end, where an exception on documents may be theirs. Default: nothing to read."""

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """Text pass: the same rows with the columns of `measured_columns` appended (or existing ones replaced); all
        others stay, but `text` where the stage `rewrites`.

        `batch` has at least the columns of `pipeline.document.DOCUMENT`: id, url, date, dump, source, domain, language
        (string, null where unknown) and text (large_string, never null), and those that documents take along from the
        sources' files. It is also called for batches of no rows.
        An exception on a batch makes the engine halve it until the document at fault is found and quarantined, unless
        it is one that no document is to blame for (ConfigError, ImportError, MemoryError, OSError and the like).
        """
        return batch

    def compile_kernels(self) -> None:
        """Call the kernels of the stage's phases on next to nothing, so that they are compiled before the work begins.
        Those of `measure` need no mention: it is called on a small batch."""

    def verify(self, root: str) -> tuple[list[str], dict[str, int]]:
        """`dspipe verify` of a finished run at `root`: problems in what the stage made, beyond its files' checksums,
        and what was looked at, by name. Default: nothing to look at."""
        return [], {}

    def thresholds(self, notes: Settings = NOTHING) -> "Iterator[Threshold]":
        """Every number of the settings that a column is held against, also one that is off now. `notes`: what the
        stage's phases have noted of a run, by name: numbers that it found for itself, such as quantiles, are there.
        Default: none."""
        yield from ()

    def threshold_groups(self, threshold: "Threshold", columns: "pa.RecordBatch") -> "pa.Array":
        """Of which of the threshold's groups each document is (string); `columns` has those of `threshold.by`.
        Default: the first of these columns, "" for null."""
        import pyarrow as pa
        import pyarrow.compute as pc

        return pc.fill_null(columns.column(threshold.by[0]).cast(pa.string()), "")

    def in_force(self, threshold: "Threshold", columns: "pa.RecordBatch") -> "pa.Array":
        """The threshold's number for each document (float64), null where there is none for it. `columns` has those of
        `threshold.columns`, and those that `concerns` names."""
        import pyarrow as pa
        import pyarrow.compute as pc

        groups = self.threshold_groups(threshold, columns) if threshold.by else None
        numbers = threshold.numbers(groups, columns.num_rows)
        concerned = self.concerned(columns)
        return numbers if concerned is None else pc.if_else(concerned, numbers, pa.scalar(None, pa.float64()))

    def limits(self, columns: Mapping[str, Any]) -> Iterator[Limit]:
        """`dspipe explain` of a document with these columns: what the stage asks of them. Default: its thresholds that
        are in the settings and that this document has a value for."""
        import pyarrow as pa

        for threshold in self.thresholds():
            needed = dict.fromkeys([*threshold.columns, *self.concerns])
            row = pa.RecordBatch.from_pylist([{name: columns.get(name) for name in needed}])
            numbers = self.in_force(threshold, row)
            values = row.column(threshold.column)
            (number,) = numbers.to_pylist()
            if number is None or (threshold.null_counts_as is None and values.null_count):
                continue
            broken = bool(threshold.broken(values, numbers)[0])
            yield Limit(threshold.column, threshold.in_words(number), threshold.reason, broken)

    def spans(self, text: str, columns: Mapping[str, Any]) -> Iterator[Span]:
        """The parts of a document's text that count against it, or that were cut out of it, in the order of the text
        and none within another, as far as the stage knows them from the text and the document's columns. `reason` is
        among these: a stage that has dropped the document shows what for. Default: nothing."""
        yield from ()

    def kept_instead(self, columns: Mapping[str, Any]) -> dict[str, int]:
        """Of a document with these columns that was dropped for another one of the run: that one's number
        (`pipeline.doc_id`), by the name of the round of deduplication. Default: none."""
        return {}

    def explain(self, store: "Store", run: "RunFile", number: int, columns: Mapping[str, Any]) -> dict[str, str]:
        """`dspipe explain` of a run: what the stage knows of a document beyond its columns, by name. `number` is the
        document's (`pipeline.doc_id`). A run may be on an object store: few and small reads."""
        return {}


class MapStage(Stage[ConfigT]):
    """A stage that judges each document by itself."""

    @property
    def judges(self) -> bool:
        """Whether the stage drops documents: True where it has a `judge`. A stage that judges with some settings only
        says here with which."""
        return type(self).judge is not MapStage.judge

    def judge_columns(self) -> tuple[str, ...]:
        """The columns that `judge` reads; at least one where the stage judges."""
        return ()

    def judge(self, columns: "pa.RecordBatch") -> "pa.Array":
        """For each row null (kept) or the reason for the drop, a string like `gopher.too_few_words`.

        `columns` has the columns of `judge_columns`, row for row; where a row was dropped `early` by a stage before it
        its measured columns are null, and what is returned for it is ignored. An exception makes the engine halve the
        batch until the record at fault is found and quarantined.
        """
        raise NotImplementedError

    def judges_measured_by(self, other: Self) -> bool:
        """`dspipe whatif`: whether `judge` can be asked of what `other` measured, with other `measure_settings`.
        Default: it can't."""
        return False

    def verdicts(self, columns: "pa.RecordBatch") -> "pa.Array":
        """`judge` for the documents that the stage is for; `columns` has those that `concerns` names besides."""
        import pyarrow as pa
        import pyarrow.compute as pc

        reasons = self.judge(columns.select(list(self.judge_columns())))
        kind = reasons.type.value_type if pa.types.is_dictionary(reasons.type) else reasons.type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
            raise StageContractError(
                f"stage {self.name}: judge gave {reasons.type}, not reasons (string, null for kept)"
            )
        reasons = reasons.cast(pa.string())
        concerned = self.concerned(columns)
        return reasons if concerned is None else pc.if_else(concerned, reasons, pa.scalar(None, pa.string()))


@dataclass(frozen=True)
class Phase:
    """One step of a global stage: a set of like tasks, run when all that it reads has been made.

    name                what tables and folders call it: the stage's name, a dot, a word
    over                shards: one task per input shard; partitions: one per partition of the exchange `exchange`; once
    run                 the function that runs a task, as `module:function`, called with the `pipeline.tasks.task.Task`
                        and the `StageSettings` of the phase; the task's key covers that module and all it imports
    title               what it does, for the readers of `dspipe plan`: `Send the band keys of each document`
    settings            what the phase depends on, as JSON values: all that it can read
    columns             row columns that tasks over shards read; `reason` is null where a row is still kept
    exchange            the exchange that is read: by partition, or, over shards, the partition of the shard's number
    also_receives       further exchanges that are read, over partitions, of as many partitions
    artifacts           artifacts of earlier phases that are read whole, by name
    own_artifacts       artifacts of phases over shards, of which a task over shards reads its own shard's files alone
    all_shards_columns  columns of all shards, read by a task that runs over partitions or once
    writes              row columns written, over shards, for every row; `reason` among them when it drops documents
    emits               name of the exchange written, with `partitions` partitions (0: one per shard)
    makes_artifacts     names of the artifacts made
    products            whether its artifacts are what the run is for: their files stand in a folder of their own, and
                        those of a finished run stay when another config runs there
    on_demand           leave the phase out unless another one needs what it makes or writes
    sample_bytes        of the texts that it reads, about so many bytes are looked at, for estimates; None: all
    """

    name: str
    over: Literal["shards", "partitions", "once"]
    run: str
    title: str
    settings: Settings = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    exchange: str | None = None
    also_receives: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    own_artifacts: tuple[str, ...] = ()
    all_shards_columns: tuple[str, ...] = ()
    writes: "tuple[pa.Field, ...]" = ()
    emits: str | None = None
    partitions: int = 0
    makes_artifacts: tuple[str, ...] = ()
    products: bool = False
    on_demand: bool = False
    sample_bytes: int | None = None


@dataclass(frozen=True)
class Corpus:
    """What is known of the input before any of it is read: what a global stage plans its partitions by."""

    shards: int
    input_bytes: int
    """as stored; of files that a list names on a remote storage, an estimate"""
    documents: int
    """an estimate from the bytes and the formats, good to a factor of a few; it doesn't change while a run goes on"""
    memory: int
    """bytes that one worker may use"""
    stages: tuple[str, ...]
    """names of all stages in the order of the config"""
    rewriting: tuple[tuple[str, Settings], ...] = ()
    """name and `measure_settings` of the stages that rewrite the text, in order"""

    def rewritten_before(self, stage: str) -> list[list[Any]]:
        """Which stages, [name, settings] as JSON values, have rewritten the text when the stage measures it."""
        before = self.stages[: self.stages.index(stage)]
        return [[name, dict(settings)] for name, settings in self.rewriting if name in before]


class GlobalStage(Stage[ConfigT]):
    """A stage that needs to see the whole corpus."""

    @abstractmethod
    def phases(self, corpus: Corpus) -> list[Phase]:
        """The stage's phases, in order. A phase that needs a column or an artifact which a later stage makes waits for
        it (remix counts tokens, so its draw waits for the tokenizer)."""

    @property
    def learns(self) -> bool:
        """Whether what it makes of a document depends on which others come to it, as with a tokenizer that is trained
        on them. Default: no."""
        return False

    def rejudge(self, before: Self, documents: "RunDocuments") -> "Rejudged | None":
        """`dspipe whatif`: what the stage would decide if these documents came to it, from columns alone. `before` has
        the settings of the run. Raises NeedsRunError for an edit of its settings whose effect columns don't tell.
        Default: None, nothing is known; what came to it in the run is then taken to be judged as it was."""
        return None
