"""Numbers, YAML, code fingerprints, the funnel, and row columns."""

import io
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels import code_closure
from dspipe.pipeline.config.yaml_lines import YamlError, parse_yaml
from dspipe.pipeline.funnel import Funnel
from dspipe.pipeline.plan.fingerprint import code_fingerprint
from dspipe.pipeline.plan.keys import key_of
from dspipe.pipeline.quantities import human_bytes, human_seconds, parse_count
from dspipe.pipeline.run.progress import LogProgress
from dspipe.pipeline.storage.columns import RowsWriter, column_hashes
from dspipe.pipeline.storage.store import Store


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("24e9", 24 * 10**9),
        (2e12, 2 * 10**12),
        ("64MB", 64 * 10**6),
        ("2GiB", 2**31),
        ("1.5 kB", 1500),
        ("7", 7),
        (3, 3),
    ],
)
def test_counts(text: object, value: int) -> None:
    assert parse_count(text) == value


@pytest.mark.parametrize("text", ["many", "-3", "1.5", "3 apples", None, [1]])
def test_what_is_no_count_is_left_for_pydantic(text: object) -> None:
    assert not isinstance(parse_count(text), int)


def test_for_people() -> None:
    assert [human_bytes(n) for n in (0, 999, 1536, 2.5e6, 3e15)] == ["0 B", "999 B", "1.5 kB", "2.5 MB", "3,000.0 TB"]
    assert [human_seconds(s) for s in (1.25, 42, 192, 7500)] == ["1.2s", "42s", "3m12s", "2h05m"]


def test_yaml_has_lines_and_plain_words() -> None:
    value, lines = parse_yaml("a: no\nb:\n  - 2e12\n  - {c: 2024-10-01}\nd: 0x1f\n")
    assert value == {"a": "no", "b": [2e12, {"c": "2024-10-01"}], "d": 31}
    assert lines[("b", 1, "c")] == 4
    assert lines[("d",)] == 5
    with pytest.raises(YamlError) as caught:
        parse_yaml("a: 1\nb: [\n")
    assert caught.value.line == 3


def test_keys_ignore_the_order_of_dictionaries() -> None:
    assert key_of({"a": 1, "b": [1, 2]}) == key_of({"b": [1, 2], "a": 1})
    assert key_of([1, 2]) != key_of([2, 1])
    assert len(key_of({})) == 32


def test_code_changes_change_the_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "users_stages"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("def f():\n    from users_stages import two\n    return two.x\n")
    (package / "two.py").write_text("import dspipe.kernels.arrow\nx = 1\n")
    (package / "three.py").write_text("x = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    prints = []
    for name, text in (("two", "x = 1\n"), ("two", "x = 2\n"), ("three", "x = 4\n")):
        (package / f"{name}.py").write_text(text)
        for function in (code_fingerprint, code_closure.code_digest, code_closure.imports):
            function.cache_clear()
        prints.append(code_fingerprint("users_stages.one"))
    assert prints[0] != prints[1]
    assert prints[1] == prints[2]


reasons = st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.sampled_from([None, "c"]), st.integers(0, 99)))


@given(reasons)
def test_the_funnel_counts_what_changed(rows: list[tuple[str | None, str | None, int]]) -> None:
    before = pa.RecordBatch.from_arrays(
        [pa.array([old for old, _, _ in rows], pa.string()), pa.array([size for _, _, size in rows], pa.int64())],
        ["reason", "text_bytes"],
    )
    after = [old if old is not None else new for old, new, _ in rows]
    funnel = Funnel("x")
    assert funnel.add(before, pa.array(after, pa.string())) is None
    seen = [(new, size) for old, new, size in rows if old is None]
    assert list(funnel.entered) == [len(seen), sum(size for _, size in seen), 0]
    assert funnel.all_dropped().documents == sum(new is not None for new, _ in seen)
    assert funnel.balanced()
    merged = Funnel("x")
    merged.merge(Funnel.from_json(funnel.as_json()))
    merged.merge(funnel)
    assert list(merged.kept) == [2 * n for n in funnel.kept]
    for row, (old, _, _) in enumerate(rows):
        if old is not None:
            changed = [*after[:row], None, *after[row + 1 :]]
            assert Funnel("x").add(before, pa.array(changed, pa.string())) == row


def test_a_columns_hash_is_its_own(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    pairs = pa.struct([("x", pa.list_(pa.string())), ("y", pa.int8())])
    schema = pa.schema([("a.b", pa.int64()), ("c.d", pa.list_(pa.string())), ("c", pairs)])

    def hashes(a: list[int], c: list[list[str]], cut: int) -> dict[str, str]:
        with store.writing("x.parquet") as file:
            writer = RowsWriter(file, schema)
            arrays = [pa.array(a), pa.array(c), pa.array([{"x": ["s"], "y": n} for n in a], pairs)]
            batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
            for piece in (batch.slice(0, cut), batch.slice(cut)):
                writer.write(piece)
            writer.close()
        assert pq.read_table(io.BytesIO(store.read_bytes("x.parquet"))).num_rows == len(a)
        return column_hashes(store, "x.parquet")

    first = hashes([1, 2, 3], [["x"], [], ["y", "z"]], 1)
    assert set(first) == {"a.b", "c.d", "c"}
    assert hashes([1, 2, 3], [["x"], [], ["y", "z"]], 1) == first
    other = hashes([1, 2, 4], [["x"], [], ["y", "z"]], 1)
    assert other["a.b"] != first["a.b"]
    assert other["c"] != first["c"]
    assert other["c.d"] == first["c.d"]
    changed = hashes([1, 2, 3], [["x"], [], ["y", "w"]], 1)
    assert [name for name in first if changed[name] != first[name]] == ["c.d"]
    assert hashes([1, 2, 3], [["x"], [], ["y", "z"]], 2) != first


def test_a_log_tells_how_far_a_long_task_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 1000, 20))  # 20 seconds from look to look
    monkeypatch.setattr("dspipe.pipeline.run.progress.time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    progress = LogProgress()
    progress.phase("train", 1, 0, 0)
    progress.moved(0, 0, 0.25)
    progress.moved(0, 0, 0.25)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("train: 0/1 tasks, 25% of it, ")
    assert second.startswith("train: 0/1 tasks, 50% of it, ")
    progress.phase("read", 2, 0, 1000)
    progress.moved(10, 1000, 0.0)
    progress.ended()
    assert "of a task" not in capsys.readouterr().err
