"""The input files of a source: nothing is left out without a word, read twice, or taken for another file."""

import gzip
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.plan.inputs import Inputs, common_folder, input_files
from dspipe.stages.sources import files, jsonl, parquet


def write(base: Path, *names: str) -> None:
    for name in names:
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}\n")


def found(base: Path, path: str | list[str], format: Any = jsonl, **settings: Any) -> Inputs:
    """What a source finds with `base` as its root."""
    name = format.__name__.rpartition(".")[2]
    kind = {"jsonl": "JsonlSource", "parquet": "ParquetSource", "files": "FilesSource"}[name]
    settings = {"root": str(base)} | settings
    return input_files(getattr(format, kind)(format.Config(name="s", format=name, path=path, **settings)))


def names(inputs: Inputs) -> list[str]:
    return [file.name for file in inputs.files]


def texts(inputs: Inputs) -> list[str]:
    return [Path(file.path).read_text().strip() for file in inputs.files]


@pytest.mark.parametrize("path", ["data", "data/*.jsonl", "data/**/*.jsonl", "data/*"])
def test_links_are_followed(tmp_path: Path, path: str) -> None:
    write(tmp_path, "data/a.jsonl", "blobs/b")
    (tmp_path / "data/b.jsonl").symlink_to("../blobs/b")
    inputs = found(tmp_path, path)
    assert names(inputs) == ["data/a.jsonl", "data/b.jsonl"]
    assert texts(inputs) == ["data/a.jsonl", "blobs/b"]
    assert inputs.files[1].size == 8
    assert not inputs.left_out.counts


def test_links_to_folders_are_followed_once_round(tmp_path: Path) -> None:
    write(tmp_path, "data/deep/a.jsonl", "far/b.jsonl")
    (tmp_path / "data/far").symlink_to("../far")
    (tmp_path / "data/deep/up").symlink_to("..")
    (tmp_path / "far/self").symlink_to(".")
    assert texts(found(tmp_path, "data")) == ["data/deep/a.jsonl", "far/b.jsonl"]
    assert texts(found(tmp_path, "data/**")) == ["data/deep/a.jsonl", "far/b.jsonl"]


def test_a_file_under_two_names_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "data/v1/a.jsonl", "data/v1/b.jsonl")
    (tmp_path / "data/latest").symlink_to("v1")
    (tmp_path / "data/v1/c.jsonl").symlink_to("a.jsonl")
    inputs = found(tmp_path, "data")
    assert names(inputs) == ["data/v1/a.jsonl", "data/v1/b.jsonl"]
    # latest/a, latest/b, latest/c and v1/c
    assert inputs.left_out.counts == {"link to a file that is read already": 4}
    assert names(found(tmp_path, ["data/v1/*.jsonl", "data/v1/a.jsonl", "data/latest"])) == names(inputs)


def test_the_cache_of_a_hub_is_read_by_its_links(tmp_path: Path) -> None:
    write(tmp_path, "hub/blobs/0a1b", "hub/blobs/2c3d")
    (tmp_path / "hub/snapshots/r").mkdir(parents=True)
    (tmp_path / "hub/snapshots/r/train.parquet").symlink_to("../../blobs/0a1b")
    (tmp_path / "hub/snapshots/r/README.md").symlink_to("../../blobs/2c3d")
    for path in ("hub", "hub/snapshots", "hub/snapshots/*/*.parquet"):
        assert names(found(tmp_path, path, parquet)) == ["hub/snapshots/r/train.parquet"]


def test_links_that_lead_nowhere_are_counted(tmp_path: Path) -> None:
    write(tmp_path, "data/a.jsonl")
    (tmp_path / "data/b.jsonl").symlink_to("gone")
    (tmp_path / "data/c.jsonl").symlink_to("c.jsonl")
    os.mkfifo(tmp_path / "data/d.jsonl")
    inputs = found(tmp_path, "data")
    assert names(inputs) == ["data/a.jsonl"]
    assert inputs.left_out.counts == {"broken link": 2, "neither file nor folder": 1}


def test_hidden_temporary_and_foreign_files_of_a_folder_are_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path, "d/part-0.jsonl.gz", "d/_year=2024/part-1", "d/part-00001.jsonl.0001", "d/x.json.zst")
    write(
        tmp_path, "d/_SUCCESS", "d/_temporary/0/part-0.jsonl", "d/.a.jsonl.crc", "d/.cache/a.jsonl", "d/.cache/b.jsonl"
    )
    write(tmp_path, "d/README.md", "d/LICENSE", "d/a.parquet", "d/b.jsonl.part")
    inputs = found(tmp_path, "d")
    assert names(inputs) == ["d/_year=2024/part-1", "d/part-0.jsonl.gz", "d/part-00001.jsonl.0001", "d/x.json.zst"]
    assert inputs.left_out.counts == {"hidden or temporary": 4, "not named like jsonl": 4}
    assert f"4 hidden or temporary ({tmp_path}/d/.cache, " in str(inputs.left_out)


def test_a_pattern_can_ask_for_what_a_folder_leaves_out(tmp_path: Path) -> None:
    write(tmp_path, "d/a.txt", "d/_b.jsonl", "d/.c/d.jsonl", "d/_c/d.jsonl")
    assert names(found(tmp_path, "d/*.txt")) == ["d/a.txt"]
    assert names(found(tmp_path, "d/_*.jsonl")) == ["d/_b.jsonl"]
    assert names(found(tmp_path, "d/.c")) == ["d/.c/d.jsonl"]
    assert names(found(tmp_path, "d/.*/*.jsonl")) == ["d/.c/d.jsonl"]
    assert names(found(tmp_path, ["d/a.txt", "d/_c/*"])) == ["d/_c/d.jsonl", "d/a.txt"]
    with pytest.raises(ConfigError, match=r"no file that is named like jsonl.*\*\*/\*\.txt"):
        write(tmp_path, "other/a.txt")
        found(tmp_path, "other")


def test_files_of_text_may_have_any_name_but_a_hidden_one(tmp_path: Path) -> None:
    write(tmp_path, "d/__init__.py", "d/README", "d/x.bin", "d/.git/config")
    inputs = found(tmp_path, "d", files)
    assert names(inputs) == ["d/README", "d/__init__.py", "d/x.bin"]
    assert inputs.left_out.counts == {"hidden or temporary": 1}


def test_folders_that_a_pattern_for_files_matches_are_counted(tmp_path: Path) -> None:
    write(tmp_path, "d/a.jsonl", "d/more/b.jsonl")
    inputs = found(tmp_path, "d/*")
    assert names(inputs) == ["d/a.jsonl"]
    assert inputs.left_out.counts == {"folder that a pattern for files matches": 1}


def test_a_name_with_brackets_is_a_name_where_it_is_there(tmp_path: Path) -> None:
    write(tmp_path, "a[1].jsonl", "b[1].jsonl", "b1.jsonl", "[set]/c.jsonl", "s/d.jsonl", "e?.jsonl", "ef.jsonl")
    for name in ("a[1].jsonl", "b[1].jsonl", "[set]/c.jsonl", "e?.jsonl"):
        assert texts(found(tmp_path, name)) == [name]
    assert texts(found(tmp_path, "[set]")) == ["[set]/c.jsonl"]
    assert texts(found(tmp_path, "[set]/*.jsonl")) == ["[set]/c.jsonl"]
    assert texts(found(tmp_path, "[b]1.jsonl")) == ["b1.jsonl"]
    with pytest.raises(ConfigError, match=r"\[set\]/d.jsonl: no such file"):
        found(tmp_path, "[set]/d.jsonl")


def test_lists_that_name_files_alike_are_both_read(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        write(tmp_path, f"{folder}/part-0.jsonl")
        (tmp_path / folder / "all.paths").write_text("part-0.jsonl\n")
    lists = [str(tmp_path / "x/all.paths"), str(tmp_path / "y/all.paths")]
    inputs = found(tmp_path, lists, root="")
    assert sorted(texts(inputs)) == ["x/part-0.jsonl", "y/part-0.jsonl"]
    # documents of the first list keep their ids when the second is added
    assert names(found(tmp_path, lists[:1], root="")) == ["part-0.jsonl"]
    assert "part-0.jsonl" in names(inputs)
    assert len(set(names(inputs))) == 2


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_lines_of_a_list(tmp_path: Path, pack: Any) -> None:
    write(tmp_path, "#1.jsonl", "a b.jsonl", "c.jsonl")
    lines = "\ufeff# a comment\n#1.jsonl\r\n\n a b.jsonl\n#c.jsonl\n"
    (tmp_path / "all.paths.gz").write_bytes(pack(lines.encode()))
    inputs = found(tmp_path, "all.paths.gz")
    assert names(inputs) == ["#1.jsonl", "a b.jsonl"]
    assert inputs.left_out.counts == {"commented out in a list of paths": 1}


def test_remote_lines_are_not_looked_up(tmp_path: Path) -> None:
    (tmp_path / "all.paths").write_text("s3://bucket/a.jsonl\n#s3://bucket/b.jsonl\n")
    inputs = found(tmp_path, "all.paths")
    assert [(file.path, file.size) for file in inputs.files] == [("s3://bucket/a.jsonl", None)]


def test_what_is_wrong_with_a_list_is_named(tmp_path: Path) -> None:
    (tmp_path / "all.paths").write_text("gone.jsonl\n")
    with pytest.raises(ConfigError, match=r"all\.paths names gone\.jsonl, but there is no file .*gone\.jsonl"):
        found(tmp_path, "all.paths")
    (tmp_path / "all.paths").write_bytes(gzip.compress(b"a\n" * 1000)[:-9])
    with pytest.raises(ConfigError, match=r"all\.paths can't be decompressed"):
        found(tmp_path, "all.paths")
    with pytest.raises(ConfigError, match=r"none\.paths: no such file"):
        found(tmp_path, ["none.paths"])


def test_a_name_that_is_nearly_there_is_suggested_where_the_folder_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "pages.jsonl")
    with pytest.raises(ConfigError, match=r"no such file or directory; did you mean .*/pages\.jsonl\?$"):
        found(tmp_path, "page.jsonl")

    def closed(folder: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.raises(ConfigError, match=r"page\.jsonl: no such file or directory$"):
        found(tmp_path, "page.jsonl")


def test_the_first_files_by_name_are_taken_where_there_is_a_limit(tmp_path: Path) -> None:
    write(tmp_path, "c.jsonl", "a.jsonl", "b.jsonl")
    assert names(found(tmp_path, ["c.jsonl", "*.jsonl"], limit=2)) == ["a.jsonl", "b.jsonl"]


def test_remote_folders_and_patterns(tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    for name in ("a.jsonl", "_SUCCESS", "_temporary/0/a.jsonl", "x[1].jsonl", "x1.jsonl", "README.md", "deep/b.jsonl"):
        memory.pipe(f"/inputs/{name}", name.encode())
    try:
        inputs = found(tmp_path, "memory://inputs", root="")
        assert [Path(file.path).name for file in inputs.files] == ["a.jsonl", "b.jsonl", "x1.jsonl", "x[1].jsonl"]
        assert inputs.left_out.counts == {"hidden or temporary": 2, "not named like jsonl": 1}
        for pattern, wanted in (("x[1].jsonl", "x[1].jsonl"), ("x[12].jsonl", "x1.jsonl"), ("*/*.jsonl", "b.jsonl")):
            inputs = found(tmp_path, f"memory://inputs/{pattern}", root="")
            assert [Path(file.path).name for file in inputs.files] == [wanted]
    finally:
        memory.rm("/inputs", recursive=True)


@pytest.mark.parametrize(
    ("path", "root", "folder"),
    [
        ("/data/a/*.jsonl", "", "data/a/"),
        (["/data/a/x.jsonl", "/data/b/*/y.jsonl"], "", "data/"),
        (["/data/abc.jsonl", "/data/abd.jsonl"], "", "data/"),
        ("s3://bucket/crawl/*.gz", "", "bucket/crawl/"),
        ("crawl/*.gz", "s3://bucket/", ""),
        ("data/*.jsonl", "", ""),
        ("*.jsonl", "", ""),
    ],
)
def test_the_folder_that_absolute_paths_lie_in(path: str | list[str], root: str, folder: str) -> None:
    config = jsonl.Config(name="s", format="jsonl", path=path, root=root)
    assert common_folder(jsonl.JsonlSource(config)) == folder


def test_a_file_replaced_with_equal_size_and_time_is_another(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("one")
    before, times = found(tmp_path, "a.jsonl").files[0], (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    assert found(tmp_path, "a.jsonl").files[0] == before
    for replace in (lambda: file.write_text("two"), lambda: (tmp_path / "new").rename(file)):
        (tmp_path / "new").write_text("new")
        time.sleep(0.02)  # a file system's clock may tick every ten milliseconds
        replace()
        os.utime(file, ns=times)
        after = found(tmp_path, "a.jsonl").files[0]
        assert (after.size, after.fingerprint != before.fingerprint) == (3, True)
        before = after
