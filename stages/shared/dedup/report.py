"""The report of a round: shares dropped by source and dump, cluster sizes, the largest clusters, and alarms.

It goes into the notes of the statistics and, whole, into the artifact `<prefix>.report`.
"""

import json
from typing import Any

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.shared.artifacts import read_json_artifacts
from dspipe.stages.shared.dedup.tables import LARGEST, Tables

ALARM_DOCUMENTS = 100
"""sources and hosts with fewer documents raise no alarm"""
_NOTED = {"by dump": slice(-100, None), "largest clusters": slice(20)}
"""what of long tables stands in the statistics"""


def write_report(task: Task, stage: StageSettings) -> None:
    """Sum the shards' tables into the notes of the statistics and one JSON artifact.

    Settings: prefix; alarm_share; against, the reports of the earlier runs in order, each as [root, files].
    """
    prefix = stage.settings["prefix"]
    tables = Tables()
    for _, part in read_json_artifacts(task, f"{prefix}.tables"):
        tables.merge(part)
    before: list[dict[str, Any]] = []
    if stage.settings["against"]:
        for root, names in stage.settings["against"]:
            for name in names:
                before += json.loads(Store(root).read_bytes(name))["by dump"]
        for _, part in read_json_artifacts(task, f"{prefix}.earlier.tables"):
            tables.merge_earlier(part)
    found = report_of(tables, stage.settings["alarm_share"])
    notes = {**found, "by dump": shares_so_far([*before, *found["by dump"]])}
    for key, value in notes.items():
        if value:
            task.note(key, value[_NOTED[key]] if key in _NOTED else value)
    with task.make(f"{prefix}.report") as file:
        file.write(json.dumps({**found, "share by dumps": notes["by dump"]}, ensure_ascii=False).encode())


def report_of(tables: Tables, alarm_share: float) -> dict[str, Any]:
    """The tables as lists of rows; alarms are sources and hosts that lost more than `alarm_share`."""
    alarms = [
        {"of": name, **{"name" if key == name else key: row[key] for key in row}}
        for name in ("source", "host")
        for row in _shares(tables, name)
        if row["documents"] >= ALARM_DOCUMENTS and row["share"] > alarm_share
    ]
    return {
        "alarms": sorted(alarms, key=lambda row: (-row["share"], row["name"]))[:LARGEST],
        "by source": _shares(tables, "source"),
        "by dump": _shares(tables, "dump"),
        "cluster sizes": [{"at least": size, "clusters": tables.sizes[size]} for size in sorted(tables.sizes)],
        "largest clusters": tables.largest,
    }


def shares_so_far(dumps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The table of DeepSeek LLM (2024, table 1): rows by dump, with the share removed from the first to this one."""
    rows, documents, dropped = [], 0, 0
    for row in dumps:
        documents, dropped = documents + row["documents"], dropped + row["dropped"]
        rows.append({**row, "dropped so far": dropped, "share so far": round(dropped / documents, 4)})
    return rows


def _shares(tables: Tables, name: str) -> list[dict[str, Any]]:
    rows = []
    for value, documents in sorted(tables.entered[name].items()):
        dropped = tables.dropped[name][value]
        rows.append({name: value, "documents": documents, "dropped": dropped, "share": round(dropped / documents, 4)})
    return rows
