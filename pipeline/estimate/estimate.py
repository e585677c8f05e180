"""What a run of a plan will take: core-hours, wall time, bytes, requests, dollars. Arithmetic over measured rates.

documents   stored bytes x documents a stored byte of the rates, unless the source says how large its documents are
text pass   a task's set-up once a worker, then reading by stored byte, extraction by stored byte, other stages,
            and writing by byte of text
phases      a fixed part a task, and the rest by document read or by byte of text kept (`pipeline.estimate.rates`)
once        phases of one task: as long as where they were measured. Where the corpus is larger, training a
            tokenizer takes more only up to its sample; what grows with the corpus there is small beside the rest
disk        all that is written: a run removes nothing of its own before its end, so this is its peak, too
requests    of an input file a GET for each 8 MiB; of a task 6 to read its listing and columns, 2 to write; of an
            exchange an index entry and a range for each pair of a file and a receiver
wall        phases one after the other; in each the workers share its tasks, and one task is the least
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dspipe.pipeline.estimate.rates import TASK_SECONDS, Rates, unit_of
from dspipe.pipeline.plan.plan import Plan, estimated_bytes
from dspipe.pipeline.plan.planned_phase import PlannedPhase

_INPUT_BLOCK = 8 << 20
_READS_A_TASK, _WRITES_A_TASK = 8, 3
"""24 phases of 8 tasks on a stand-in for an object store: most took 2 to 15 GETs and HEADs without those of exchanges,
and 0.6 to 4 PUTs and LISTs (`python -m benchmarks.dump --requests`)"""
_REQUESTS_A_PAIR = 2
_MERGE_SECONDS = 1.8e-9
"""CPU seconds a byte, of merging the files of an exchange: of 0.41 GB of nine exchanges of 300,000 documents"""
PRICES = {
    "core-hour": "dollars an hour of a core",
    "tb-month": "dollars a TB and month of storage",
    "million-gets": "dollars a million of GET and HEAD",
    "million-puts": "dollars a million of PUT and LIST",
}
"""what a price may be given for"""


class PriceError(Exception):
    """A price isn't one."""


def parse_prices(given: Sequence[str]) -> dict[str, float]:
    """Prices from `WHAT=DOLLARS`. Raises PriceError."""
    prices = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            prices[name] = float(value)
        except ValueError:
            raise PriceError(f"--price {text}: expected WHAT=DOLLARS, like core-hour=0.04") from None
        if name in PRICES and not 0 <= prices[name] < 1e9:
            raise PriceError(f"--price {text}: {value} dollars are no price")
        if name not in PRICES:
            raise PriceError(f"--price {text}: the prices are {', '.join(f'{n} ({p})' for n, p in PRICES.items())}")
    return prices


@dataclass(frozen=True)
class PhaseEstimate:
    """What a phase will take."""

    name: str
    tasks: int
    cpu_seconds: float
    bytes_written: float
    gets: float
    puts: float
    known: bool = True
    """whether there is a rate for it; else only its fixed part is counted"""


@dataclass(frozen=True)
class Estimate:
    """What a run will take, phase by phase."""

    stored_bytes: float
    documents: float
    text_bytes: float
    workers: int
    rates: Rates
    phases: list[PhaseEstimate] = field(default_factory=list)
    no_rate: tuple[str, ...] = ()
    """stages of the text pass without a rate"""

    @property
    def cpu_seconds(self) -> float:
        """Of all workers."""
        return sum(phase.cpu_seconds for phase in self.phases)

    @property
    def bytes_written(self) -> float:
        """All that is written, which is there at the end, too."""
        return sum(phase.bytes_written for phase in self.phases)

    @property
    def wall_seconds(self) -> float:
        """With all workers at work, phase by phase; the driver's own time isn't in it."""
        return sum(phase.cpu_seconds / max(1, min(self.workers, phase.tasks)) for phase in self.phases if phase.tasks)

    def dollars(self, prices: Mapping[str, float]) -> dict[str, float]:
        """What it costs by these prices (`PRICES`), the disk for a month."""
        amounts = {
            "core-hour": self.cpu_seconds / 3600,
            "tb-month": self.bytes_written / 1e12,
            "million-gets": sum(phase.gets for phase in self.phases) / 1e6,
            "million-puts": sum(phase.puts for phase in self.phases) / 1e6,
        }
        return {name: price * amounts[name] for name, price in prices.items()}


def estimate(plan: Plan, rates: Rates, workers: int) -> Estimate:
    """What a run of a plan will take with so many workers, if nothing of it is done yet."""
    stored, documents = stored_and_documents(plan, rates)
    text, kept = documents * rates.text_per_document, 1.0
    found = Estimate(stored, documents, text, workers, rates, no_rate=_without_rate(plan, rates))
    seen: set[str] = set()
    for phase in plan.phases:
        if phase.over == "inputs":
            found.phases.append(_text_pass(plan, phase, rates, found))
        elif phase.over == "sender_groups":
            found.phases.append(_merge(plan, phase, found))
        else:
            found.phases.append(_phase(plan, phase, rates, found, kept))
        if phase.decides:
            # several phases may give one stage's verdicts; its share is of all of them
            for stage in phase.stages:
                kept *= 1.0 if stage in seen else rates.kept.get(stage, 1.0)
                seen.add(stage)
    return found


def stored_and_documents(plan: Plan, rates: Rates) -> tuple[float, float]:
    """The bytes of a plan's input, and about how many documents they are: by the rates where a source is of content, or
    of text, as theirs were; else by the size of the format's documents."""
    stored = documents = 0.0
    for shard in plan.shards:
        source = type(plan.config.sources[shard.source])
        size = estimated_bytes(plan.config, shard)
        like_theirs = bool(rates.extracting) != source.holds_text
        stored += size
        documents += size * (rates.documents_per_stored_byte if like_theirs else 1 / source.typical_document_bytes)
    return stored, documents


def _without_rate(plan: Plan, rates: Rates) -> tuple[str, ...]:
    measuring = [stage.name for stage in plan.config.stages if stage.measures]
    return tuple(name for name in measuring if name not in rates.stages and name not in rates.extracting)


def _text_pass(plan: Plan, phase: PlannedPhase, rates: Rates, found: Estimate) -> PhaseEstimate:
    tasks = plan.tasks(phase)
    names = [stage.name for stage in plan.config.stages if stage.measures]
    by_stored = rates.read + sum(rates.extracting.get(name, 0.0) for name in names)
    by_text = rates.write + sum(rates.stages.get(name, 0.0) for name in names)
    seconds = found.stored_bytes * by_stored + found.text_bytes * by_text
    seconds += TASK_SECONDS * tasks + rates.set_up_seconds * min(tasks, found.workers)
    gets = found.stored_bytes / _INPUT_BLOCK + _READS_A_TASK * tasks
    written = found.text_bytes * rates.stored_per_text
    return PhaseEstimate(phase.name, tasks, seconds, written, gets, _WRITES_A_TASK * tasks)


def _merge(plan: Plan, phase: PlannedPhase, found: Estimate) -> PhaseEstimate:
    """Of a phase that merges what another has sent: it reads and writes all of that."""
    tasks = plan.tasks(phase)
    senders = plan.tasks(next(other for other in plan.phases if other.emits == phase.emits))
    written = next(other.bytes_written for other in reversed(found.phases) if phase.name == f"{other.name}.merge")
    seconds = TASK_SECONDS * tasks + _MERGE_SECONDS * written
    gets = _READS_A_TASK * tasks + _REQUESTS_A_PAIR * senders
    return PhaseEstimate(phase.name, tasks, seconds, written, gets, _WRITES_A_TASK * tasks)


def _phase(plan: Plan, phase: PlannedPhase, rates: Rates, found: Estimate, kept: float) -> PhaseEstimate:
    tasks, rate = plan.tasks(phase), rates.phases.get(phase.name)
    gets: float = _READS_A_TASK * tasks
    if phase.exchange is not None:
        senders = [other for other in plan.phases if other.emits in phase.receives()]
        last = {sender.emits: sender for sender in senders}
        gets += sum(_REQUESTS_A_PAIR * plan.tasks(sender) * tasks for sender in last.values())
    seconds, written = TASK_SECONDS * tasks, 0.0
    if rate is not None:
        text, sample = found.text_bytes * kept, unit_of(phase, plan)[1]
        per = {"document": found.documents, "text": text, "sample": min(text, sample or text), "run": 1.0}
        units = per[rate.per]
        seconds, written = seconds + rate.cpu_seconds * units, rate.bytes_written * units
    return PhaseEstimate(phase.name, tasks, seconds, written, gets, _WRITES_A_TASK * tasks, rate is not None)
