"""A sample of a source: its first records, or files from all over it."""

from pathlib import Path
from typing import Any

from dspipe.pipeline.sampled_source import SampledConfig, SampledSource
from dspipe.pipeline.source import InputFile
from tests.stages.sources.read_shard import read_all


def sample(records: int, **of: Any) -> SampledSource:
    return SampledSource(
        SampledConfig(name="s", format="x", path="p", of={"name": "s", "path": "p", **of}, records=records)
    )


def test_the_first_records_of_the_first_files(tmp_path: Path) -> None:
    files = [tmp_path / f"{n}.jsonl" for n in range(3)]
    for file in files:
        file.write_text("".join(f'{{"text": "{file.stem}-{n}"}}\n' for n in range(4)) + "bad\n")
    rows, reading = read_all(sample(8, format="jsonl"), files)
    assert [row["text"] for row in rows] == ["0-0", "0-1", "0-2", "0-3", "1-0", "1-1", "1-2"]
    assert len(reading.quarantine) == 1


def test_files_from_all_over() -> None:
    files = [InputFile(f"/in/{n:03}.py", f"{n:03}.py", 10, "x") for n in range(100)]
    ((*picked,),) = sample(10, format="files").group(files)
    assert [file.name for file in picked] == [f"{n:03}.py" for n in range(0, 100, 10)]
    ((*first,),) = sample(10, format="jsonl").group(files)
    assert [file.name for file in first] == [f"{n:03}.py" for n in range(16)]
    assert sample(10, format="files").group([]) == []
