from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from dspipe.cli import app
from dspipe.stages.pack.reading.megatron_options import list_options
from dspipe.stages.pack.reading.reader import PackedDataset
from tests.engine import run_inline
from tests.stages.pack.runs import make_config, make_documents

LENGTH = 32


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("megatron")
    run_inline(make_config(folder, make_documents(90), length=LENGTH, shard_bytes=65536))
    return folder / "run"


def test_the_command_prints_the_options(run: Path) -> None:
    result = CliRunner().invoke(app, ["trainer", "megatron", str(run)])
    assert result.exit_code == 0
    lines = [line for line in result.output.splitlines() if line.startswith("--")]
    assert lines == list_options(run)
    assert f"--seq-length {LENGTH}" in lines
    words = lines[0].split()
    assert words[0] == "--data-path" and sum(map(int, words[1::2])) == PackedDataset(run).rows
    for prefix in words[2::2]:
        assert Path(f"{prefix}.bin").is_file() and Path(f"{prefix}.idx").is_file()
    assert "must have 257 as its end of document" in result.output


def test_the_tokenizer_beside_the_shards_is_named(run: Path) -> None:
    files = [run / name for name in ("tokenizer.json", "tokenizer_config.json")]
    for file in files:
        file.write_text("{}")
    try:
        assert list_options(run)[-1] == f"--tokenizer-type HuggingFaceTokenizer --tokenizer-model {run.resolve()}"
    finally:
        for file in files:
            file.unlink()


def test_what_megatron_cannot_read_is_refused(tmp_path: Path) -> None:
    run_inline(make_config(tmp_path / "a b", make_documents(20), length=LENGTH))
    run_inline(make_config(tmp_path / "c", make_documents(20), length=LENGTH, format="parquet"))
    for folder, message in (
        (str(tmp_path / "a b" / "run"), "divides its data path at blanks"),
        (str(tmp_path / "c" / "run"), "names parquet shards"),
        (str(tmp_path), "no packed shards in"),
        ("s3://bucket/run", "copy s3://bucket/run to it first"),
    ):
        result = CliRunner().invoke(app, ["trainer", "megatron", folder])
        assert result.exit_code == 2 and message in result.output


def test_megatrons_samples_are_rows(run: Path) -> None:
    """With the library itself: its samples are the rows, each once an epoch, with positions by document."""
    gpt = pytest.importorskip("megatron.core.datasets.gpt_dataset", reason="megatron-core is not installed")
    indexed = pytest.importorskip("megatron.core.datasets.indexed_dataset")
    utils = pytest.importorskip("megatron.core.datasets.utils")
    data = PackedDataset(run)
    manifest = data.shards.manifest
    tokenizer = SimpleNamespace(eod=manifest.end_token, pad=-1, vocab_size=manifest.vocabulary, unique_identifiers={})
    config = gpt.GPTDatasetConfig(
        random_seed=7, sequence_length=LENGTH, blend=None, split="1,0,0", tokenizer=tokenizer, path_to_cache=None,
        reset_position_ids=True, reset_attention_mask=True, eod_mask_loss=True, create_attention_mask=False,
        mmap_bin_files=True, mid_level_dataset_surplus=0.005,
    )  # fmt: skip
    rows = {sample["tokens"].tobytes(): sample for sample in data}
    seen: Counter[bytes] = Counter()
    for prefix in list_options(run)[0].split()[2::2]:
        low = indexed.IndexedDataset(prefix, multimodal=False, mmap=True)
        dataset = gpt.GPTDataset(
            low, prefix, np.arange(len(low), dtype=np.int32), len(low) - 1, utils.Split.train, config
        )
        for number in range(len(low) - 1):
            sample = dataset[number]
            tokens = sample["tokens"].numpy().astype(np.int64).tobytes()
            row = rows[tokens]
            filled = row["loss_mask"]
            assert (sample["position_ids"].numpy()[filled] == row["position_ids"][filled]).all()
            seen[tokens] += 1
    there = Counter(sample["tokens"].tobytes() for sample in data)
    assert seen <= there and seen.total() == data.rows - len(data.shards.ends)  # each file's last row waits for more
