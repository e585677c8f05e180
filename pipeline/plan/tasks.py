"""plan -> tasks: the tasks of a phase once the phases before it are done, their keys, and which of them are done."""

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dspipe.pipeline.errors import ConservationError, DamagedFileError
from dspipe.pipeline.keys import key_of
from dspipe.pipeline.plan.fingerprint import code_fingerprint
from dspipe.pipeline.plan.inputs import common_folder
from dspipe.pipeline.plan.phase_record import PhaseRecord
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.planned_phase import COUNTED, PlannedPhase
from dspipe.pipeline.plan.received import digest_received
from dspipe.pipeline.storage.exchange import LAYOUT
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import PRODUCTS, Manifest, TaskSpec, inputs_file, is_whole

FORMATS = ("dspipe.pipeline.storage.columns", "dspipe.pipeline.storage.exchange", "dspipe.pipeline.funnel")
"""the modules of the files that tasks read and write, which every key covers"""


class UnnamedArtifactError(Exception):
    """A stage made an artifact that its phase doesn't name."""


class MixedRecordsError(Exception):
    """Senders of one exchange sent records of different schemas."""


@dataclass
class State:
    """What the phases done so far have made."""

    columns: list[dict[str, list[str]]]
    groups: list[list[int]]
    exchanges: dict[str, list[tuple[int, dict[str, Any]]]] = field(default_factory=dict)
    """number of the first sender, and what the manifest says of the file, by exchange"""
    artifacts: dict[str, list[list[Any]]] = field(default_factory=dict)
    own_artifacts: dict[tuple[str, int], list[Any]] = field(default_factory=dict)
    """the same of phases over shards, by name and number, as their tasks end"""
    single: dict[str, str] = field(default_factory=dict)
    """files of artifacts made by phases of one task, with their sha256"""
    sent: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    """what the manifests of an exchange's senders say of their files, by the sender's number, as their tasks end"""
    files: set[str] = field(default_factory=set)
    """all that the manifests so far name, and themselves"""


def empty_state(plan: Plan) -> State:
    """Nothing made yet."""
    return State([{} for _ in plan.shards], [[] for _ in plan.shards])


def absorb_committed(
    plan: Plan, phase: PlannedPhase, specs: list[TaskSpec], state: State, store: Store
) -> list[Manifest]:
    """The manifests of those of a phase's tasks that are done; when all are, what they made is added to the state."""
    manifests = committed(store, phase, specs)
    done = [manifests[spec.key] for spec in specs if spec.key in manifests]
    if len(done) == len(specs):
        absorb(phase, done, state)
    return done


def task_specs(
    plan: Plan, phase: PlannedPhase, state: State, store: Store, write_inputs: bool = False
) -> list[TaskSpec]:
    """All tasks of a phase, once all phases before it are done (see `PhaseTasks`)."""
    return PhaseTasks(plan, phase, state, store, write_inputs).specs(range(plan.tasks(phase)))


class PhaseTasks:
    """Makes the tasks of a phase: what they have in common is found out once, when all that they share is there."""

    def __init__(self, plan: Plan, phase: PlannedPhase, state: State, store: Store, write_inputs: bool = False) -> None:
        """`write_inputs`: write the list of what the tasks share, which they need to run. Raises DamagedFileError."""
        self._plan, self._phase, self._state = plan, phase, state
        listing, shared = _listing(phase, state)
        self.inputs: str | None = None
        """the file that lists what the tasks share"""
        if listing is not None:
            self.inputs = inputs_file(phase.name, listing)
            if write_inputs and not store.exists(self.inputs):
                # in one line: an indented one is ten times as slow to write
                store.write_bytes(self.inputs, json.dumps(listing).encode())
        self._received = _received(phase, state, store)
        self._group = _Group(-1, [], {})
        formats = [code_fingerprint(module) for module in FORMATS]
        self._common = key_of({"phase": phase.name, **phase.depends, "shared": shared, "formats": formats})
        described = plan.config.sources if phase.over == "inputs" else ()
        self._folders = [common_folder(source) for source in described]
        self._sources = [source.config.model_dump(mode="json", exclude_unset=True) for source in described]
        engine = plan.config.engine
        self._alike: dict[str, Any] = {
            "phase": phase.name,
            "runner": phase.runner,
            "root": plan.config.output,
            "seed": plan.config.seed,
            "memory": engine.memory,
            "batch_rows": engine.batch_rows,
            "batch_bytes": engine.batch_bytes,
            "by_record": phase.by_record,
            "max_quarantined": engine.max_quarantined_of_shard,
            "deadline": engine.deadline,
            "patience": engine.patience,
            "shards": len(plan.shards),
            "over": phase.over,
            "inputs": self.inputs,
            "exchange": phase.exchange,
            "writes": phase.schema,
            "emits": phase.emits if phase.over != "sender_groups" else None,
            "partitions": phase.partitions,
            "gpus": phase.gpus,
        }

    def specs(self, numbers: Iterable[int]) -> list[TaskSpec]:
        """The tasks with these numbers. Of a phase whose tasks need their own shard, or their own group of senders,
        only, those of which that is ready."""
        return [self._spec(number) for number in numbers]

    def _spec(self, number: int) -> TaskSpec:
        phase, plan, state = self._phase, self._plan, self._state
        depends: dict[str, Any] = {"common": self._common}
        payload = phase.payload
        columns: dict[str, list[str]] = {}
        own: dict[str, list[list[Any]]] = {}
        if phase.over == "inputs":
            shard = plan.shards[number]
            folder = self._folders[shard.source]
            files = [[file.name, file.fingerprint, file.size] for file in shard.files]
            depends |= {"source": plan.readers[shard.source], "files": files, "folder": folder}
            payload = {
                **payload,
                "source": self._sources[shard.source],
                "folder": folder,
                "files": [[file.path, file.name, file.size, file.fingerprint, file.parts] for file in shard.files],
            }
        elif phase.over == "shards":
            columns, read = _columns(phase, state.columns[number])
            depends |= {"columns": read, "groups": state.groups[number]}
            own = {name: [[0, *state.own_artifacts[name, number][1:]]] for name in phase.own_artifacts}
            depends |= {"own_artifacts": {name: entry[0][3] for name, entry in own.items()}} if own else {}
            if phase.exchange is not None:
                depends |= {"number": number}
        elif phase.over == "sender_groups":
            group, first = self._sent_by(number // phase.ranges), number % phase.ranges * phase.width
            depends |= {"files": group.contents, "range": [first, phase.width]}
            if not group.contents:  # those that sent nothing would be one task, named by whichever of them came first
                depends |= {"number": number}
            payload = {**payload, **group.sent, "first": first, "width": phase.width}
        else:
            depends |= {"number": number}
        if self._received:
            depends |= {"received": {name: sent.get(number) for name, sent in self._received.items()}}
        return TaskSpec(
            key=key_of(depends),
            label=f"{number:05d}",
            payload=payload,
            number=number,
            columns=columns,
            groups=state.groups[number] if phase.over == "shards" else [],
            own_artifacts=own,
            **self._alike,
        )

    def _sent_by(self, group: int) -> "_Group":
        """What a group of senders sent: found out once for the tasks that merge it, which are asked for together, and
        held once by all of them that wait."""
        if self._group.number != group:
            self._group = _group(self._phase, group, self._state)
        return self._group


class Committed:
    """What was done of a phase before, as its folder says when this is made."""

    def __init__(self, store: Store, phase: PlannedPhase) -> None:
        self._store, self._phase = store, phase
        self._present = store.sizes(phase.name) | (store.sizes(PRODUCTS) if phase.products else {})
        ends = ".manifest.json"
        self._by_key = {name.partition("-")[2].partition(".")[0]: name for name in self._present if name.endswith(ends)}
        self.record = PhaseRecord(store, phase.name, self._present)

    def manifests(self, specs: Sequence[TaskSpec]) -> dict[str, Manifest]:
        """The manifests of the tasks that are done already, by key."""
        # found by key alone: the same work may stand at another place now (a shard was added before it)
        wanted = dict.fromkeys(self._by_key[spec.key[:12]] for spec in specs if spec.key[:12] in self._by_key)
        recorded = self.record.manifests if wanted else {}
        manifests, others = [], []
        for name in wanted:
            size, manifest = recorded.get(f"{self._phase.name}/{name}", (None, None))
            if manifest is not None and size == self._present[name]:
                manifests.append(manifest)
            else:
                others.append(f"{self._phase.name}/{name}")
        manifests += _read_manifests(self._store, others)
        keys = {spec.key for spec in specs}
        return {
            manifest["key"]: manifest
            for manifest in manifests
            # a file that the manifest names may have been removed by hand, or cut
            if manifest["key"] in keys
            and all(self._present.get(file["file"].rpartition("/")[2]) == file["bytes"] for file in manifest["files"])
        }


def committed(store: Store, phase: PlannedPhase, specs: Sequence[TaskSpec]) -> dict[str, Manifest]:
    """The manifests of the tasks that are done already, by key."""
    return Committed(store, phase).manifests(specs)


def _read_manifests(store: Store, names: list[str]) -> list[Manifest]:
    """The manifests that are whole: work whose manifest isn't is not done."""
    try:
        found = store.read_json_many(names)
    except DamagedFileError:
        found = []
        for name in names:
            with contextlib.suppress(DamagedFileError):
                found.append(store.read_json(name))
    return [manifest for manifest in found if is_whole(manifest)]


def _columns(phase: PlannedPhase, available: dict[str, list[str]]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The columns that a task over a shard is given, and the hashes of those that it depends on."""
    names = {*phase.columns, "id", "reason"}
    if phase.counts:
        names |= set(COUNTED)
    columns = {name: available[name] for name in sorted(names) if name in available}
    return columns, {name: column[1] for name, column in columns.items()}


def _listing(phase: PlannedPhase, state: State) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """What the tasks of a phase share: the files to read, and the part of their keys that stands for it.

    Of an exchange each task's key covers what was sent to it alone (`_received`).
    """
    if phase.over == "sender_groups" or not (phase.exchange or phase.artifacts or phase.all_shards_columns):
        return None, {}
    artifacts = {name: state.artifacts[name] for name in phase.artifacts}
    names = {*phase.all_shards_columns, "id", "reason"} if phase.all_shards_columns else set()
    all_shards = [
        ({name: columns[name] for name in sorted(names) if name in columns}, groups)
        for columns, groups in zip(state.columns, state.groups, strict=True)
        if phase.all_shards_columns
    ]
    listing = {
        "exchanges": {name: _exchange(state.exchanges[name]) for name in phase.receives()},
        "artifacts": artifacts,
        "all_shards": [{"columns": columns, "groups": groups} for columns, groups in all_shards],
    }
    shared = key_of(
        [
            {name: [[entry[0], entry[3]] for entry in files] for name, files in artifacts.items()},
            [[{name: column[1] for name, column in columns.items()}, groups] for columns, groups in all_shards],
        ]
    )
    return listing, {"shared": shared}


def _exchange(files: list[tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    """What must be known of files to read them; those without records are left out."""
    sent = [(sender, file) for sender, file in files if file["records"]]
    places = [[sender, file["file"], *(file[name] for name in LAYOUT)] for sender, file in sent]
    return {"schema": sent[0][1]["schema"] if sent else None, "files": places}


def _received(phase: PlannedPhase, state: State, store: Store) -> dict[str, dict[int, str]]:
    """By exchange that the tasks of a phase read: what stands for all that was sent to each task, by its number."""
    if phase.over == "sender_groups":
        return {}
    return {name: digest_received(store, state.exchanges[name]) for name in phase.receives()}


class _Group(NamedTuple):
    """The files of a group of senders that have records; senders are counted from the group's first."""

    number: int
    contents: list[list[Any]]
    """sender and sha256 of each"""
    sent: dict[str, Any]
    """what tasks that merge them must know"""


def _group(phase: PlannedPhase, number: int, state: State) -> _Group:
    sent, first = state.sent.get(phase.exchange or "", {}), number * phase.group
    files = ((sender, sent.get(first + sender)) for sender in range(phase.group))
    there = [(sender, file) for sender, file in files if file is not None and file["records"]]
    return _Group(number, [[sender, file["sha256"]] for sender, file in there], _exchange(there))


def absorb(phase: PlannedPhase, manifests: list[Manifest], state: State) -> None:
    """Add what the tasks of a phase have made to the state. Raises UnnamedArtifactError, MixedRecordsError,
    ConservationError."""
    for number, manifest in enumerate(manifests):
        absorb_task(phase, number, manifest, state)
    absorb_files(phase, manifests, state)


def absorb_task(phase: PlannedPhase, number: int, manifest: Manifest, state: State) -> None:
    """Add what a task has made to the state of its shard and of its exchange, for tasks that need no other's."""
    if phase.over == "inputs":
        state.columns[number], state.groups[number] = dict(manifest["columns"]), manifest["groups"]
    elif phase.over == "shards":
        state.columns[number] |= manifest["columns"]
    for file in manifest["files"]:
        if file["kind"] == "exchange" and phase.over != "sender_groups":
            state.sent.setdefault(file["name"], {})[number] = file
        elif file["kind"] == "artifact" and phase.over in ("inputs", "shards"):
            state.own_artifacts[file["name"], number] = [number, file["file"], file["bytes"], file["sha256"]]


def absorb_files(phase: PlannedPhase, manifests: list[Manifest], state: State) -> None:
    """Add the files that the tasks of a phase have made, once it has ended, for tasks that need those of all. Raises
    UnnamedArtifactError, MixedRecordsError, ConservationError."""
    if phase.emits:
        state.exchanges[phase.emits] = []
    for name in phase.makes_artifacts:
        state.artifacts[name] = []
    for number, manifest in enumerate(manifests):
        state.files.update([manifest["file"], *[file["file"] for file in manifest["files"]]])
        for file in manifest["files"]:
            if file["kind"] == "exchange":
                state.exchanges[file["name"]].append((number // phase.ranges * phase.group, file))
            elif file["kind"] == "artifact":
                if file["name"] not in phase.makes_artifacts:
                    raise UnnamedArtifactError(
                        f"{phase.name} made the artifact {file['name']}, which its phase doesn't name"
                    )
                state.artifacts[file["name"]].append([number, file["file"], file["bytes"], file["sha256"]])
                if phase.over == "once":
                    state.single[file["file"]] = file["sha256"]
    if phase.over == "sender_groups" and phase.emits:
        sent = sum(file["records"] for file in state.sent.get(phase.emits, {}).values())
        merged = sum(file["records"] for _, file in state.exchanges[phase.emits])
        if sent != merged:
            raise ConservationError(f"{phase.name}: {sent:,} records were sent, {merged:,} were merged")
    if phase.emits:
        schemas = {file["schema"]: file["file"] for _, file in state.exchanges[phase.emits] if file["records"]}
        if len(schemas) > 1:
            raise MixedRecordsError(f"{' and '.join(schemas.values())} hold records of different schemas")
