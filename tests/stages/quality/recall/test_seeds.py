from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.quality.recall.seeds import digest_seeds, find_seed_files, read_seeds


def test_seeds_of_both_formats(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"body": "one", "url": "http://a.example/", "n": 1}\n{"body": "  "}\n')
    pq.write_table(pa.table({"body": ["two"], "source": ["s"]}), tmp_path / "b.parquet")
    files = find_seed_files([str(tmp_path / "*"), str(tmp_path / "a.jsonl")])
    assert [file.name for file in files] == ["a.jsonl", "b.parquet"]
    assert list(read_seeds(files, "body")) == [
        {"text": "one", "url": "http://a.example/"},
        {"text": "two", "source": "s"},
    ]
    (tmp_path / "a.jsonl").rename(tmp_path / "c.jsonl")
    assert digest_seeds(find_seed_files([str(tmp_path / "*")])) == digest_seeds([tmp_path / "c.jsonl", files[1]])


def test_bad_seeds(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no file .*none"):
        find_seed_files([str(tmp_path / "none*.jsonl")])
    (tmp_path / "a.jsonl").write_text('{"body": "one"}\n')
    with pytest.raises(ConfigError, match="row 1: no text in the field text; its fields are body"):
        list(read_seeds([tmp_path / "a.jsonl"], "text"))
    pq.write_table(pa.table({"body": ["two"]}), tmp_path / "b.parquet")
    with pytest.raises(ConfigError, match="there is no column text; allowed: body"):
        list(read_seeds([tmp_path / "b.parquet"], "text"))
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    with pytest.raises(ConfigError, match="cannot be read"):
        list(read_seeds([tmp_path / "b.parquet"], "text"))
