import json
from pathlib import Path

import pytest

from dspipe.stages.tokenizer.sizes import Sizes, add_size, sum_sizes
from tests.stages.tokenizer.shards import make_columns
from tests.tasks import Inputs, make_task, read_made, run_function


@pytest.mark.parametrize("copies", [None, "copies"])
def test_kept_bytes_by_domain_and_language(tmp_path: Path, copies: str | None) -> None:
    task = make_task(tmp_path, Inputs(columns=make_columns()))
    run_function(sum_sizes, task, {"copies": copies})
    expected: Sizes = {"code": {"en": 0, "unknown": 0}, "web": {"en": 0, "unknown": 0}}
    for n in range(60):
        if n % 5:
            expected[["web", "code"][n % 2]]["unknown" if n % 3 else "en"] += 10 * (n % 3 if copies else 1)
    found = json.loads(read_made(task, "tokenizer_sizes")[0])
    assert found == expected
    assert list(found) == ["code", "web"] and list(found["web"]) == ["en", "unknown"]


def test_sizes_add_up() -> None:
    sizes: Sizes = {}
    for size in (3, 4):
        add_size(sizes, "web", "en", size)
    add_size(sizes, "web", "de", 1)
    assert sizes == {"web": {"en": 7, "de": 1}}
