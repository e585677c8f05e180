from pathlib import Path

import numpy as np
import pytest

from dspipe.stages.remix.mixtures.tables import TableError, join, read_ratios, read_table, write_table


def table(folder: Path, text: str, name: str = "ratios.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = [("mix-0", {"web": 0.1 + 0.2, "a, b": 0.7}), ("mix-1", {"web": 1.0, "a, b": 0.0})]
    write_table(tmp_path / "ratios.csv", ["web", "a, b"], rows, name="buckets-0123456789ab")
    found = read_ratios(tmp_path / "ratios.csv")
    assert (found.runs, found.columns, found.buckets) == (("mix-0", "mix-1"), ("web", "a, b"), "0123456789ab")
    assert found.values.tolist() == [[0.1 + 0.2, 0.7], [1.0, 0.0]]
    assert [path.name for path in tmp_path.iterdir()] == ["ratios.csv"]


def test_columns_of_others_are_not_domains(tmp_path: Path) -> None:
    found = read_ratios(table(tmp_path, ",index,run_id,name,web,code\n0,7,x,swarm-x,0.5,0.5\n"))
    assert (found.runs, found.columns, found.buckets) == (("x",), ("web", "code"), None)
    assert read_table(table(tmp_path, "\ufeffrun,loss\nx,1.5\n\n")).values.tolist() == [[1.5]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rows"),
        ("run,web\n", "has no rows"),
        ("name,web\na,1\n", "has no column `run`"),
        ("run,run_id,web\na,b,1\n", "run and run_id are there"),
        ("run,name\na,b\n", "has no column beside run"),
        ("run,web,web\na,1,0\n", "has two columns 'web'"),
        ("run,web\na,1\nb,1\na,1\n", "line 4: the mixture 'a' is on line 2 already"),
        ("run,web,code\na,1\n", "line 2 has 2 cells, the header 3"),
        ("run,web,code\na,1,\n", "line 2: 'code' is empty, not a number"),
        ("run,web,code\na,1,x\n", "line 2: 'code' is x, not a number"),
        ("run,web,code\na,nan,1\n", "line 2: 'web' is nan"),
        ("run,web,code\na,1.5,-0.5\n", "a has a weight below 0 of 'code'"),
        ("run,web,code\na,0.5,0.4\n", "weights of a are to sum to 1, and sum to 0.9"),
        ("run,name,web\na,buckets-1,1\nb,buckets-2,1\n", "mixtures of other domains each: 1, 2"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TableError) as error:
        read_ratios(table(tmp_path, text))
    assert message in str(error.value) and str(tmp_path) in str(error.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="can't be read"):
        read_table(tmp_path / "none.csv")


def test_rows_are_joined_by_name(tmp_path: Path) -> None:
    ratios = read_ratios(table(tmp_path, "run,web,code\na,1,0\nb,0.5,0.5\nc,0,1\n"))
    metrics = read_table(table(tmp_path, "run,loss\nc,3\na,1\n", "metrics.csv"))
    found = join(ratios, metrics)
    assert np.array_equal(found.ratios, [[1, 0], [0, 1]])
    assert found.metrics.tolist() == [[1], [3]]
    assert (found.runs, found.without) == (("a", "c"), ("b",))
    with pytest.raises(TableError, match=r"metrics of d, which .*ratios.csv doesn't name"):
        join(ratios, read_table(table(tmp_path, "run,loss\na,1\nd,1\n", "metrics.csv")))
