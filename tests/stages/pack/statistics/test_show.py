"""Statistics of shards as tables and as JSON."""

import io
import json
from pathlib import Path

from rich.console import Console

from dspipe.stages.pack.statistics.count import count_shards
from dspipe.stages.pack.statistics.find_files import find_shards
from dspipe.stages.pack.statistics.show import TokenTexts, as_json, print_statistics
from tests.stages.pack.statistics.foreign import write_megatron, write_tokenizer


def shown(path: Path, width: int = 80) -> tuple[str, str]:
    """The tables, and JSON."""
    shards = find_shards(path)
    found, texts = count_shards(shards), TokenTexts(shards.tokenizer)
    out = io.StringIO()
    print_statistics(found, texts, Console(file=out, width=width))
    return out.getvalue(), as_json(found, texts)


def test_tables_and_json(tmp_path: Path) -> None:
    path = write_megatron(tmp_path / "a", [[0, 0, 26, 28], [27, 1, 26, 40]], "uint16")
    text, _ = shown(path)
    assert "not known" in text
    write_tokenizer(tmp_path / "tokenizer.json")
    text, value = shown(path)
    assert "1 ids are out of range (the vocabulary has 29), first in row 1 of" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["padding", "1", "12.50%"] in rows
    assert ["documents,", "by", "the", "end", "token", "26", "2"] in rows
    assert ["0", "2", "25.00%", "'a'"] in rows
    assert ["26", "2", "25.00%", "'</s>'"] in rows
    assert ["40", "1", "12.50%", "not", "in", "the", "vocabulary"] in rows
    assert max(map(len, text.splitlines())) <= 80
    said = json.loads(value)
    assert (said["tokens"], said["padding"], said["begin_rows"], said["unused"]) == (8, 1, 1, 29 - 5)
    assert said["documents"]["count"] == 2
    assert said["rows"]["histogram"] == [{"at least": 4, "number": 2, "tokens": 8}]
    assert said["commonest"][0] == {"id": 0, "text": "'a'", "number": 2, "share": 0.25}
    assert said["out_of_range"]["row"] == 1


def test_names_of_files_dont_steer_the_terminal(tmp_path: Path) -> None:
    path = write_megatron(tmp_path / "a\x1b[31m[red]", [[1]], "uint16")
    text, value = shown(path)
    assert "\x1b" not in text + value
