from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dspipe.stages.tokenizer.encode import encode_shard
from dspipe.tokenizer.encoder import loads
from tests.tasks import Inputs, make_task, read_made, read_written, run_function
from tests.tokenizer.trained import TEXTS, files

SCHEMA = pa.schema([("tokens", pa.int64())])
TOKENIZER = files()["tokenizer.json"]


def encode(folder: Path, texts: list[str], dropped: int = 3, **settings: Any) -> tuple[Any, list[str]]:
    """Encode a shard of these texts, every third of which is dropped; with the texts that are not."""
    reasons = pa.array(["x.dropped" if n % dropped == 0 else None for n in range(len(texts))], pa.string())
    table = pa.table(
        {"id": [str(n) for n in range(len(texts))], "text": pa.array(texts, pa.large_string()), "reason": reasons}
    )
    batches = [batch for start in range(0, len(texts), 4) for batch in table.slice(start, 4).to_batches()]
    inputs = Inputs(columns=batches, artifacts={"tokenizer.json": [TOKENIZER.encode()]})
    task = make_task(folder, inputs, SCHEMA)
    run_function(encode_shard, task, {"special_in_text": False, "padded_size": None, **settings})
    return task, [text for n, text in enumerate(texts) if n % dropped]


def test_ids_of_kept_documents_one_behind_the_other(tmp_path: Path) -> None:
    task, kept = encode(tmp_path, TEXTS)
    ids, offsets = loads(TOKENIZER).encode(pa.array(kept, pa.large_string()))
    assert np.frombuffer(read_made(task, "token_ids")[0], "<u2").tolist() == ids.tolist()
    counts = read_written(task).column("tokens").to_pylist()
    assert [count for n, count in enumerate(counts) if n % 3] == np.diff(offsets).tolist()
    assert set(counts[::3]) == {0}
    assert task.counters == {"tokens": len(ids)} and task.notes == {"encoder": "dspipe"}


@pytest.mark.parametrize(("padded_size", "dtype"), [(None, "<u2"), (1 << 16, "<u2"), ((1 << 16) + 128, "<u4")])
def test_as_wide_as_the_models_embedding_needs(tmp_path: Path, padded_size: int | None, dtype: str) -> None:
    task, kept = encode(tmp_path, TEXTS[:5], padded_size=padded_size)
    ids, _ = loads(TOKENIZER).encode(pa.array(kept, pa.large_string()))
    assert np.frombuffer(read_made(task, "token_ids")[0], dtype).tolist() == ids.tolist()


def test_special_tokens_in_documents(tmp_path: Path) -> None:
    texts = ["dropped", "a<｜User｜>b"]
    plain, special = (encode(tmp_path / str(asked), texts, special_in_text=asked)[0] for asked in (False, True))
    user = 507
    assert user in np.frombuffer(read_made(special, "token_ids")[0], "<u2").tolist()
    assert user not in np.frombuffer(read_made(plain, "token_ids")[0], "<u2").tolist()


def test_a_shard_of_dropped_documents(tmp_path: Path) -> None:
    task, _ = encode(tmp_path, TEXTS[:5], dropped=1)
    assert read_made(task, "token_ids") == [b""]
    assert read_written(task).column("tokens").to_pylist() == [0] * 5
