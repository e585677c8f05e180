"""When a run has ended, its folders hold its own results and nothing that it didn't make."""

from pathlib import Path

from dspipe.pipeline.run.cleanup import remove_stale
from dspipe.pipeline.storage.store import Store

KEY, OTHER = "0123456789ab", "ba9876543210"


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_only_results_that_nothing_names_are_removed(tmp_path: Path) -> None:
    stays = {
        f"judge/00000-{KEY}.parquet",
        f"judge/00000-{KEY}.manifest.json",
        f"judge/inputs-{KEY}.json",
    }
    not_ours = {"judge/notes.txt", "judge/00000.parquet", "judge/12345-short.parquet", "run.json", "data/part-00000.x"}
    goes = {
        f"judge/00000-{OTHER}.parquet",
        f"judge/inputs-{OTHER}.json",
        f"gone/00003-{OTHER}.manifest.json",
        "judge/.partial-77-00000-x.parquet",
        ".partial-77-run.json",
    }
    for name in stays | not_ours | goes:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert remove_stale(Store(str(tmp_path)), stays) == len(goes)
    assert files(tmp_path) == stays | not_ours
    assert not (tmp_path / "gone").exists()  # an empty folder is no result either
    assert remove_stale(Store(str(tmp_path)), stays) == 0
