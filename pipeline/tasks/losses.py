"""What damage cost beyond one record, and which files gave nothing: counted with the bad records, named at the end."""

from collections.abc import Mapping, Sequence
from typing import Any

from dspipe.pipeline.source import InputFile
from dspipe.pipeline.tasks.quarantine import with_most_records
from dspipe.pipeline.tasks.spec import Manifest
from dspipe.pipeline.tasks.task import Task

NOTE = "losses"
_KEPT_OF_A_TASK = 10
_KEPT_OF_A_RUN = 20


class Losses:
    """The losses of one shard while it is read."""

    def __init__(self) -> None:
        self.more = 0
        """records lost beyond the first of each quarantined entry"""
        self.while_reading = 0
        """records lost in all, by what the reader said"""
        self._entries: list[dict[str, Any]] = []
        self._first: dict[str, Any] | None = None

    def add(self, entry: dict[str, Any], records: int, estimated: bool) -> None:
        """A quarantined entry of the reader stands for so many records; it will say so itself."""
        self.while_reading += records
        noted = {"file": entry["file"], "place": entry["place"], "records": records, "estimated": estimated}
        noted["error"] = entry["error"]
        self._first = self._first or noted
        if records > 1:
            self.more += records - 1
            entry |= {"records": records, "estimated": estimated}
            self._entries.append(noted)

    def note(self, task: Task, files: Sequence[InputFile]) -> None:
        """Keep in the manifest what was lost, and that the shard's only file gave nothing where that is so."""
        entries = self._entries
        if len(files) == 1 and task.counters["read"] == self.while_reading:
            if self._first:
                entries = entries or [{**self._first, "records": self.while_reading}]
                entries = [{**entries[0], "error": f"nothing was read: {entries[0]['error']}"}, *entries[1:]]
            else:
                error = _nothing({key: n for key, n in task.counters.items() if key.startswith("skipped.")})
                entries = [{"file": files[0].name, "place": "", "records": 0, "estimated": False, "error": error}]
        if entries:
            task.note(NOTE, entries[:_KEPT_OF_A_TASK])
        guessed = sum(entry["records"] for entry in self._entries if entry["estimated"])
        if guessed:
            task.count("quarantined by estimate", guessed)


def _nothing(skipped: Mapping[str, int]) -> str:
    if not skipped:
        return "no document"
    reasons = ", ".join(f"{n:,} {key.removeprefix('skipped.')}" for key, n in skipped.items())
    return f"no document, only {reasons}"


def noted_losses(manifests: Sequence[Manifest]) -> list[dict[str, Any]]:
    """The losses that the tasks of a phase noted, the largest first, a number of them that can be read."""
    entries = [entry for manifest in manifests for entry in manifest["notes"].get(NOTE, [])]
    return with_most_records(entries, _KEPT_OF_A_RUN)
