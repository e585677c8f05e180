"""The rounds of a recall (Shao et al., "DeepSeekMath", 2024, section 2.1): train, score, recall, list hosts, and again
with what a person says of these."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dspipe.kernels.fasttext.model import read_model
from dspipe.pipeline.config.problems import Locator
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.keys import key_of
from dspipe.pipeline.storage.columns import naming_damage
from dspipe.pipeline.storage.store import Store
from dspipe.stages.quality.documents import NEGATIVE, POSITIVE
from dspipe.stages.quality.recall.annotations import accept, all_rules, carry_over, list_name, read_list, write_list
from dspipe.stages.quality.recall.config import RecallConfig
from dspipe.stages.quality.recall.corpus import Corpus, json_line
from dspipe.stages.quality.recall.decisions import OPEN, REFUSED, TAKEN, Decisions, Rule
from dspipe.stages.quality.recall.find_hosts import (
    HOST,
    RECALLED,
    HostCounts,
    Recalled,
    count_hosts,
    hosts_of_batch,
    list_hosts,
)
from dspipe.stages.quality.recall.scoring import Scores
from dspipe.stages.quality.recall.seeds import digest_seeds, find_seed_files, read_seeds
from dspipe.stages.quality.recall.state import (
    RecallError,
    Round,
    begin,
    check_model,
    model_name,
    read_round,
    record_name,
    write_round,
)
from dspipe.stages.quality.recall.stored import read_stored
from dspipe.stages.quality.recall.threshold import find_threshold
from dspipe.stages.quality.recall.train_round import train_round

RANDOM = "random.parquet"
_LEAST_RANDOM = 1000
Take = Callable[[str, str, float], bool | str]
"""as in `annotations.accept`"""


class Show(Protocol):
    """Hears how a recall gets on."""

    def step(self, title: str, done: float, total: float) -> None:
        """So much of a step is done."""

    def round(self, done: Round) -> None:
        """A round is done, now or before."""


@dataclass(frozen=True)
class Outcome:
    """How far a recall is."""

    rounds: list[Round]
    waiting: str | None
    """the file that waits for a person's annotations; None: the recall has ended"""
    undecided: int
    """hosts in it without an answer"""
    why: str
    """why it ended"""
    recalled: str
    """where the last round's documents are"""


def go_on(config: RecallConfig, where: Locator, show: Show, take: Take | None = None) -> Outcome:
    """Do the rounds that can be done. `take` answers for a person.

    Raises ConfigError, RecallError, InvalidConfigError for annotations with mistakes, DamagedFileError, StorageError,
    TrainingError.
    """
    seeds = find_seed_files(config.seeds)
    corpus, store = Corpus.open(config.run), Store(config.output)
    if not any(True for _ in read_seeds(seeds, config.field)):
        raise ConfigError("the seeds hold no document with a text", ("seed",))
    store.prepare()
    begin(store, config, digest_seeds(seeds), corpus.identity, where)
    recall = _Recall(config, corpus, store, seeds, show)
    done: list[Round] = []
    why = f"all {config.rounds} rounds are done"
    for number in range(1, config.rounds + 1):
        done.append(recall.round(number))
        show.round(done[-1])
        if (reason := _why_ended(done[-1], config)) is not None:
            why = reason
            break
        if number == config.rounds:
            break
        listed = read_list(store, number)
        if take is not None and listed.undecided():
            listed = accept(listed, take)
            write_list(store, listed, config.host_share)
        if undecided := listed.undecided():
            return Outcome(done, store.path(list_name(number)), len(undecided), "", recall.place(number))
        if all(rule.decision == OPEN for rule in listed.rules()):
            why = "nothing was taken or refused, so another round would find the same"
            break
    return Outcome(done, None, 0, why, recall.place(done[-1].number))


def _why_ended(done: Round, config: RecallConfig) -> str | None:
    if not done.recalled:
        return "nothing is recalled: " + (
            "lower at_least" if config.at_least is not None else "keep_tokens is less than the best page has"
        )
    if done.new_share < config.stop_below:
        return f"{done.new_share:.1%} of what round {done.number} recalled is new, less than stop_below"
    if not done.hosts:
        return "the run's pages have no URLs, so there are no hosts to annotate, and no further round"
    if not done.listed:
        return (
            f"no host is left that has {config.host_pages} pages and more than {config.host_share:.0%} of them recalled"
        )
    return None


class _Recall:
    """What every round needs."""

    def __init__(self, config: RecallConfig, corpus: Corpus, store: Store, seeds: list[Path], show: Show) -> None:
        self.config, self.corpus, self.store, self.seeds, self.show = config, corpus, store, seeds, show

    def place(self, number: int) -> str:
        """Where a round's documents are."""
        return self.store.path(f"recalled-round-{number}")

    def round(self, number: int) -> Round:
        """A round, done now if it isn't yet. Raises RecallError where lists were changed since."""
        rules = all_rules(self.store, range(1, number))
        decided = key_of([[rule.host, rule.prefix, rule.decision] for rule in rules])
        before = read_round(self.store, number)
        if before is not None:
            if before.decided != decided:
                raise RecallError(
                    f"a list of hosts was changed after round {number} was made with it; put it back, or remove "
                    f"{self.store.path(record_name(number))} (and the records of later rounds) and they are made anew"
                )
            return before
        return self._do(number, rules, decided)

    def _do(self, number: int, rules: list[Rule], decided: str) -> Round:
        decisions, config = Decisions(rules), self.config
        trained = self._model(number, decisions, decided)
        scores = Scores(self.store, self.corpus, trained["sha256"], config.model.prefix_bytes)
        with tempfile.TemporaryDirectory(prefix="dspipe-recall-") as folder:
            local = Path(folder) / "model.bin"
            local.write_bytes(self.store.read_bytes(model_name(number)))
            scores.write(read_model(local), self.step(f"round {number}: scoring"))
        threshold = config.at_least
        if threshold is None:
            assert config.keep_tokens is not None
            step = self.step(f"round {number}: finding the threshold")
            threshold = find_threshold(scores, decisions, config.keep_tokens, config.bytes_per_token, step)
        found = Recalled(scores, decisions, threshold, config.bytes_per_token)
        step = self.step(f"round {number}: counting hosts")
        counts, sums = HostCounts(), _Sums()
        for part, of_shard in self.corpus.each_shard(lambda shard: self._write_shard(number, shard, found), step):
            counts.add(of_shard)
            sums.add(part)
        hosts, earlier = counts.table(), self._hosts_before(number)
        with self.store.writing(f"hosts-round-{number}.parquet") as file:
            pq.write_table(hosts, file, compression="zstd")
        step = self.step(f"round {number}: listing hosts")
        listed = list_hosts(number, hosts, found, set(decisions.rules), config, step)
        if self.store.exists(list_name(number)):
            listed = carry_over(listed, read_list(self.store, number))
        write_list(self.store, listed, config.host_share)
        with_pages = hosts.filter(pc.greater(hosts.column(RECALLED), 0)).column(HOST)
        new_hosts = len(with_pages) - int(pc.sum(pc.is_in(with_pages, value_set=earlier)).as_py() or 0)
        done = Round(number, trained["sha256"], decided, trained["trained"][POSITIVE], trained["trained"][NEGATIVE],
                     trained["roc_auc"], threshold, sums.recalled, sums.new, len(with_pages), new_hosts,
                     sums.bytes, round(sums.tokens), len(listed.hosts))  # fmt: skip
        write_round(self.store, done)
        return done

    def _model(self, number: int, decisions: Decisions, decided: str) -> dict[str, Any]:
        """What is known of the round's model, which is trained if it isn't there."""
        about = model_name(number).replace(".bin", ".json")
        if self.store.exists(about):
            known: dict[str, Any] = self.store.read_json(about)
            if known["decided"] == decided:
                check_model(self.store, number, known["sha256"])
                return known
        training = _TrainingData(self, number, decisions)
        with tempfile.TemporaryDirectory(prefix="dspipe-recall-") as folder:
            local = Path(folder) / "model.bin"
            write = {POSITIVE: training.write_positives, NEGATIVE: training.write_negatives}
            trained = train_round(write, self.config.model, local,
                                  lambda title, part: self.show.step(f"round {number}: {title}", part, 1))  # fmt: skip
            model = local.read_bytes()
        self.store.write_bytes(model_name(number), model)
        known = {"sha256": hashlib.sha256(model).hexdigest(), "decided": decided, **asdict(trained)}
        self.store.write_json(about, known)
        return known

    def random_pages(self) -> Iterator[pa.RecordBatch]:
        """The random pages, drawn once, as `Corpus.documents` gives them."""
        if not self.store.exists(RANDOM):
            use, step = "recall random", self.step("drawing random pages")
            drawn = self.corpus.draw(self.config.random, self.config.random_seed, use, None, OPEN, step)
            with self.store.writing(RANDOM) as file:
                schema = pa.schema([("rank", pa.uint32()), ("url", pa.string()), ("text", pa.large_string())])
                with pq.ParquetWriter(file, schema, compression="zstd") as writer:
                    for batch in self.corpus.documents(drawn):
                        writer.write_batch(batch.cast(schema))
        with (
            self.store.reading(RANDOM) as file,
            naming_damage(self.store.path(RANDOM)),
            pq.ParquetFile(file) as stored,
        ):
            yield from stored.iter_batches(1024)

    def _write_shard(self, number: int, shard: int, found: Recalled) -> tuple["_Sums", pa.Table]:
        name = f"{shard:05d}.parquet"
        earlier = [f"recalled-round-{before}/{name}" for before in range(1, number)]
        known = [read_stored(self.store, file, ["row"]).column("row").to_numpy() for file in earlier]
        seen, sums, hosts = np.unique(np.concatenate([np.empty(0, np.uint32), *known])), _Sums(), []
        with (
            self.store.writing(f"recalled-round-{number}/{name}") as file,
            pq.ParquetWriter(file, _RECALLED, compression="zstd") as writer,
        ):
            for judged in found.read(["id", "url"], shard):
                hosts.append(hosts_of_batch(judged))
                mask = judged.recalled
                batch, rows = judged.kept.batch.filter(pa.array(mask)), judged.kept.rows.filter(pa.array(mask))
                new = ~np.isin(rows.to_numpy(), seen)
                scores = judged.scores[mask]
                columns = [batch.column("id"), batch.column("url"), pa.array(scores, mask=np.isnan(scores)), rows,
                           pa.array(judged.decided[mask] == TAKEN), pa.array(new)]  # fmt: skip
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=_RECALLED))
                sums.recalled += int(mask.sum())
                sums.new += int(new.sum())
                sums.bytes += int(judged.bytes[mask].sum())
                sums.tokens += float(judged.tokens[mask].sum())
        return sums, count_hosts(hosts)

    def _hosts_before(self, number: int) -> pa.Array:
        """Hosts that an earlier round recalled pages of."""
        names = [pa.array([], pa.string())]
        for earlier in range(1, number):
            table = read_stored(self.store, f"hosts-round-{earlier}.parquet")
            names.append(table.filter(pc.greater(table.column(RECALLED), 0)).column(HOST).combine_chunks())
        return pa.concat_arrays(names).unique()

    def step(self, title: str) -> Callable[[int, int], None]:
        return lambda done, total: self.show.step(title, done, total)


_RECALLED = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("score", pa.float32()),
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("taken", pa.bool_(), nullable=False),
        pa.field("new", pa.bool_(), nullable=False),
    ]
)
"""`taken`: a person has said so; `new`: no round before recalled it"""


@dataclass
class _Sums:
    recalled: int = 0
    new: int = 0
    bytes: int = 0
    tokens: float = 0.0

    def add(self, more: "_Sums") -> None:
        self.recalled += more.recalled
        self.new += more.new
        self.bytes += more.bytes
        self.tokens += more.tokens


class _TrainingData:
    """The documents of a round's two labels."""

    def __init__(self, recall: _Recall, number: int, decisions: Decisions) -> None:
        self._recall, self._number, self._decisions = recall, number, decisions
        self._positives = 0

    def write_positives(self, file: BinaryIO) -> None:
        """The seeds, and pages that a person took."""
        for item in read_seeds(self._recall.seeds, self._recall.config.field):
            file.write(json_line(item))
            self._positives += 1
        self._positives += self._write_decided(TAKEN, file)

    def write_negatives(self, file: BinaryIO) -> None:
        """Random pages, but for those that a person took, and pages that a person refused."""
        wanted = max(self._positives, _LEAST_RANDOM)
        for batch in self._recall.random_pages():
            first = pc.less(batch.column("rank"), wanted)
            fit = pc.and_(first, pa.array(self._decisions.of(batch.column("url")) != TAKEN))
            for item in batch.filter(fit).select(["url", "text"]).to_pylist():
                file.write(json_line(item))
        self._write_decided(REFUSED, file)

    def _write_decided(self, decision: int, file: BinaryIO) -> int:
        if not any(decision in of_host.values() for of_host in self._decisions.rules.values()):
            return 0
        recall, written = self._recall, 0
        step = recall.step(f"round {self._number}: finding annotated pages")
        drawn = recall.corpus.draw(
            recall.config.taken, recall.config.random_seed, "recall taken", self._decisions, decision, step
        )
        for batch in recall.corpus.documents(drawn):
            for item in batch.select(["url", "text"]).to_pylist():
                file.write(json_line(item))
                written += 1
        return written
