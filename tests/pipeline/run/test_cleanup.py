"""When a run has ended, its folders hold its own results and nothing that it didn't make."""

from pathlib import Path

import dspipe
from dspipe import PackedDataset
from dspipe.pipeline.run.cleanup import remove_stale
from dspipe.pipeline.run.progress import LogProgress
from dspipe.pipeline.storage.store import Store
from dspipe.stages.pack.reading.shard_files import Shards
from tests.stages.pack.runs import make_config, make_documents

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


def test_packed_shards_of_earlier_configs_stay_until_they_are_to_go(tmp_path: Path) -> None:
    def run(length: int, replace_earlier: bool = False) -> tuple[set[str], set[str], str]:
        config = make_config(tmp_path, documents, length=length, shard_bytes=65536)
        dspipe.run({"name": "t", "engine": "inline", **config}, progress=said, replace_earlier=replace_earlier)
        listed = {file.name for part in Shards(tmp_path / "run").parts for file in part.files.values()}
        return {f"shards/{name}" for name in files(tmp_path / "run" / "shards")}, listed, said.text()

    documents, said = make_documents(), Said()
    first, listed, text = run(32)
    assert first > listed and "earlier result" not in text
    reader = PackedDataset(tmp_path / "run")
    before = reader[0]["tokens"].tolist()
    both, listed, text = run(16)
    assert both > first | listed and not first & listed
    assert "they stay beside the new one" in text
    assert reader[0]["tokens"].tolist() == before
    (earlier,) = [name for name in both & first if name.endswith(".index.json")]
    assert len(PackedDataset(tmp_path / "run" / earlier)) == len(reader)  # and a trainer can go on with it
    assert run(16)[0] == both and "earlier result" not in said.text()  # nothing to do
    alone, listed, text = run(8, replace_earlier=True)
    assert alone > listed and not alone & both
    assert "are removed then" in text


class Said(LogProgress):
    """What a run says, since it was asked last."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def notice(self, text: str) -> None:
        self.lines.append(text)

    def text(self) -> str:
        text, self.lines = "\n".join(self.lines), []
        return text
