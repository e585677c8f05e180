"""What damage cost is kept for the statistics: of a task, and of a run."""

from typing import Any

from dspipe.pipeline.source import InputFile
from dspipe.pipeline.tasks.losses import NOTE, Losses, noted_losses

FILE = InputFile("/in/a.warc.gz", "a.warc.gz", 100, "")


class Noting:
    """As much of a task as losses need."""

    def __init__(self, **counters: int) -> None:
        self.counters, self.notes, self.counted = counters, dict[str, Any](), dict[str, int]()

    def note(self, key: str, value: Any) -> None:
        self.notes[key] = value

    def count(self, key: str, n: int) -> None:
        self.counted[key] = n


def noted(losses: Losses, files: int = 1, **counters: int) -> Noting:
    task: Any = Noting(**counters)
    losses.note(task, [FILE] * files)
    found: Noting = task
    return found


def entry(place: str = "byte 7") -> dict[str, Any]:
    return {"file": "a.warc.gz", "place": place, "error": "cut short", "id": None}


def test_one_bad_record_is_no_loss_worth_a_note() -> None:
    losses = Losses()
    losses.add(entry(), 1, estimated=False)
    assert losses.more == 0
    assert noted(losses, read=5).notes == {}


def test_damage_that_cost_many_is_noted_and_its_estimate_counted() -> None:
    losses, bad = Losses(), entry()
    losses.add(bad, 40, estimated=True)
    losses.add(entry("byte 9"), 3, estimated=False)
    assert (bad["records"], bad["estimated"], losses.more) == (40, True, 41)
    task = noted(losses, read=100)
    assert [(loss["place"], loss["records"]) for loss in task.notes[NOTE]] == [("byte 7", 40), ("byte 9", 3)]
    assert task.counted == {"quarantined by estimate": 40}


def test_a_file_that_gave_nothing_is_named() -> None:
    (loss,) = noted(Losses(), read=0, **{"skipped.request": 7}).notes[NOTE]
    assert (loss["file"], loss["records"], loss["error"]) == ("a.warc.gz", 0, "no document, only 7 request")
    (loss,) = noted(Losses(), read=0).notes[NOTE]
    assert loss["error"] == "no document"
    losses = Losses()
    losses.add(entry(), 4, estimated=True)
    (loss,) = noted(losses, read=4).notes[NOTE]
    assert loss["error"] == "nothing was read: cut short"
    # of a shard of two files nobody knows which one it was
    assert noted(Losses(), files=2, read=0).notes == {}


def test_of_a_run_the_largest_are_kept() -> None:
    manifests: list[Any] = [{"notes": {NOTE: [{"file": f"f{n}", "records": n}]}} for n in range(25)]
    manifests.append({"notes": {}})
    found = noted_losses(manifests)
    assert [loss["records"] for loss in found[:20]] == list(range(24, 4, -1))
    assert found[20] == {"file": "and 5 more", "records": 0 + 1 + 2 + 3 + 4}
    assert noted_losses(manifests[:2]) == [{"file": "f1", "records": 1}, {"file": "f0", "records": 0}]
