"""plan -> tasks: the tasks of a phase once the phases before it are done, their keys, and which of them are done."""

import contextlib
from dataclasses import dataclass, field
from typing import Any

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.keys import key_of
from dspipe.pipeline.plan.fingerprint import code_fingerprint
from dspipe.pipeline.plan.inputs import common_folder
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import Manifest, TaskSpec, inputs_file, is_whole


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
    single: dict[str, str] = field(default_factory=dict)
    """files of artifacts made by phases of one task, with their sha256"""
    files: set[str] = field(default_factory=set)
    """all that the manifests so far name, and themselves"""


def empty_state(plan: Plan) -> State:
    """Nothing made yet."""
    return State([{} for _ in plan.shards], [[] for _ in plan.shards])


def absorb_committed(plan: Plan, phase: PlannedPhase, specs: list[TaskSpec], state: State, store: Store) -> int:
    """How many of a phase's tasks are done; when all are, what they made is added to the state."""
    manifests = committed(store, phase, specs)
    done = sum(spec.key in manifests for spec in specs)
    if done == len(specs):
        absorb(phase, [manifests[spec.key] for spec in specs], state)
    return done


def task_specs(plan: Plan, phase: PlannedPhase, state: State, store: Store | None) -> list[TaskSpec]:
    """The tasks of a phase, once all phases before it are done. `store`: where to write the list of shared inputs."""
    engine = plan.config.engine
    listing, shared = _listing(phase, state)
    inputs = None
    if listing is not None:
        inputs = inputs_file(phase.name, listing)
        if store is not None and not store.exists(inputs):
            store.write_json(inputs, listing)
    formats = [
        code_fingerprint("dspipe.pipeline.storage.columns"),
        code_fingerprint("dspipe.pipeline.storage.exchange"),
    ]
    own_artifacts = {name: {entry[0]: entry for entry in state.artifacts[name]} for name in phase.own_artifacts}
    folders = [common_folder(source) for source in plan.config.sources] if phase.over == "inputs" else []
    specs = []
    for number in range(plan.tasks(phase)):
        depends: dict[str, Any] = {**phase.depends, "shared": shared, "formats": formats}
        payload = phase.payload
        columns: dict[str, list[str]] = {}
        own: dict[str, list[list[Any]]] = {}
        if phase.over == "inputs":
            shard = plan.shards[number]
            source = plan.config.sources[shard.source]
            files = [[file.name, file.fingerprint, file.size] for file in shard.files]
            depends |= {"source": plan.readers[shard.source], "files": files, "folder": folders[shard.source]}
            payload = {
                **payload,
                "source": source.config.model_dump(mode="json", exclude_unset=True),
                "folder": folders[shard.source],
                "files": [[file.path, file.name, file.size, file.fingerprint] for file in shard.files],
            }
        elif phase.over == "shards":
            columns, read = _columns(phase, state.columns[number])
            depends |= {"columns": read, "groups": state.groups[number]}
            own = {name: [own_artifacts[name][number]] for name in phase.own_artifacts}
            depends |= {"own_artifacts": {name: entry[0][3] for name, entry in own.items()}} if own else {}
            if phase.exchange is not None:
                depends |= {"number": number}
        elif phase.over == "sender_groups":
            group = _group(phase, number, state)
            depends |= {"files": [[file["sender"], file["sha256"]] for file in group]}
            payload = {**payload, "files": group}
        else:
            depends |= {"number": number}
        specs.append(
            TaskSpec(
                key=key_of({"phase": phase.name, **depends}),
                phase=phase.name,
                label=f"{number:05d}",
                runner=phase.runner,
                payload=payload,
                root=plan.config.output,
                seed=plan.config.seed,
                memory=engine.memory,
                batch_rows=engine.batch_rows,
                batch_bytes=engine.batch_bytes,
                deadline=engine.deadline,
                patience=engine.patience,
                shards=len(plan.shards),
                number=number,
                over=phase.over,
                columns=columns,
                groups=state.groups[number] if phase.over == "shards" else [],
                own_artifacts=own,
                inputs=inputs,
                exchange=phase.exchange,
                writes=phase.schema,
                emits=phase.emits if phase.over != "sender_groups" else None,
                partitions=phase.partitions or len(plan.shards),
            )
        )
    return specs


def committed(store: Store, phase: PlannedPhase, specs: list[TaskSpec]) -> dict[str, Manifest]:
    """The manifests of the tasks that are done already, by key."""
    present = store.sizes(phase.name)
    by_key = {name.partition("-")[2].partition(".")[0]: name for name in present if name.endswith(".manifest.json")}
    # found by key alone: the same work may stand at another place now (a shard was added before it)
    wanted = list(dict.fromkeys(by_key[spec.key[:12]] for spec in specs if spec.key[:12] in by_key))
    manifests = _read_manifests(store, [f"{phase.name}/{name}" for name in wanted])
    keys = {spec.key for spec in specs}
    return {
        manifest["key"]: manifest
        for manifest in manifests
        # a file that the manifest names may have been removed by hand, or cut
        if manifest["key"] in keys
        and all(present.get(file["file"].rpartition("/")[2]) == file["bytes"] for file in manifest["files"])
    }


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
    if phase.decides:
        names |= {"domain", "text_bytes", "tokens"}
    columns = {name: available[name] for name in sorted(names) if name in available}
    return columns, {name: column[1] for name, column in columns.items()}


def _listing(phase: PlannedPhase, state: State) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """What the tasks of a phase share: the files to read, and the part of their keys that stands for it."""
    if phase.over == "sender_groups" or not (phase.exchange or phase.artifacts or phase.all_shards_columns):
        return None, {}
    exchanges = {name: state.exchanges[name] for name in phase.receives()}
    artifacts = {name: state.artifacts[name] for name in phase.artifacts}
    names = {*phase.all_shards_columns, "id", "reason"} if phase.all_shards_columns else set()
    all_shards = [
        ({name: columns[name] for name in sorted(names) if name in columns}, groups)
        for columns, groups in zip(state.columns, state.groups, strict=True)
        if phase.all_shards_columns
    ]
    listing = {
        "exchanges": {name: _exchange(files) for name, files in exchanges.items()},
        "artifacts": artifacts,
        "all_shards": [{"columns": columns, "groups": groups} for columns, groups in all_shards],
    }
    shared = key_of(
        [
            {name: [[sender, file["sha256"]] for sender, file in files] for name, files in exchanges.items()},
            {name: [[entry[0], entry[3]] for entry in files] for name, files in artifacts.items()},
            [[{name: column[1] for name, column in columns.items()}, groups] for columns, groups in all_shards],
        ]
    )
    return listing, {"shared": shared}


def _exchange(files: list[tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    """What a receiver must know of an exchange; files without records are left out."""
    sent = [(sender, file) for sender, file in files if file["records"]]
    places = [[sender, file["file"], file["index"], file["segments"]] for sender, file in sent]
    return {"schema": sent[0][1]["schema"] if sent else None, "files": places}


def _group(phase: PlannedPhase, number: int, state: State) -> list[dict[str, Any]]:
    """The files that a merging task makes one of, with their places in the group, unless they have no records."""
    first, end = number * phase.group, (number + 1) * phase.group
    files = state.exchanges[phase.exchange or ""]
    return [{**file, "sender": sender - first} for sender, file in files if first <= sender < end and file["records"]]


def absorb(phase: PlannedPhase, manifests: list[Manifest], state: State) -> None:
    """Add what the tasks of a phase have made to the state. Raises UnnamedArtifactError, MixedRecordsError."""
    if phase.emits:
        state.exchanges[phase.emits] = []
    for name in phase.makes_artifacts:
        state.artifacts[name] = []
    for number, manifest in enumerate(manifests):
        state.files.update([manifest["file"], *[file["file"] for file in manifest["files"]]])
        if phase.over == "inputs":
            state.columns[number], state.groups[number] = dict(manifest["columns"]), manifest["groups"]
        elif phase.over == "shards":
            state.columns[number] |= manifest["columns"]
        for file in manifest["files"]:
            if file["kind"] == "exchange":
                state.exchanges[file["name"]].append((number * phase.group, file))
            elif file["kind"] == "artifact":
                if file["name"] not in phase.makes_artifacts:
                    raise UnnamedArtifactError(
                        f"{phase.name} made the artifact {file['name']}, which its phase doesn't name"
                    )
                state.artifacts[file["name"]].append([number, file["file"], file["bytes"], file["sha256"]])
                if phase.over == "once":
                    state.single[file["file"]] = file["sha256"]
    if phase.emits:
        schemas = {file["schema"]: file["file"] for _, file in state.exchanges[phase.emits] if file["records"]}
        if len(schemas) > 1:
            raise MixedRecordsError(f"{' and '.join(schemas.values())} hold records of different schemas")
