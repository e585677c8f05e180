"""Compressed files: whole, of many frames, and none that is cut short passes for whole."""

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dspipe.tokenizer.compressed_files import open_decompressed

PACK: dict[str, Callable[[bytes], bytes]] = {".zst": zstandard.compress, ".gz": gzip.compress, "": bytes}
CONTENT = b"".join(b"line %d of the text\n" % n for n in range(40_000))


@given(st.lists(st.binary(max_size=300), max_size=4), st.sampled_from(list(PACK)))
def test_frames_are_read_one_after_the_other(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], suffix: str
) -> None:
    path = tmp_path_factory.mktemp("files") / f"x{suffix}"
    pack = PACK[suffix]
    path.write_bytes(b"".join(map(pack, parts)))
    with open_decompressed(path) as file:
        assert file.read() == b"".join(parts)


@pytest.mark.parametrize("suffix", [".zst", ".gz"])
@pytest.mark.parametrize("keep", [0.5, 0.999])
def test_a_file_that_is_cut_short(tmp_path: Path, suffix: str, keep: float) -> None:
    whole = PACK[suffix](CONTENT)
    path = tmp_path / f"x{suffix}"
    path.write_bytes(whole)
    with open_decompressed(path) as file:
        assert file.read() == CONTENT
    path.write_bytes(whole[: int(len(whole) * keep)])
    with open_decompressed(path) as file, pytest.raises(EOFError):
        file.read()


@pytest.mark.parametrize("suffix", [".zst", ".gz"])
def test_damaged_and_other_files(tmp_path: Path, suffix: str) -> None:
    whole = bytearray(PACK[suffix](CONTENT))
    path = tmp_path / f"x{suffix}"
    for start, content in ((len(whole) // 2, bytes(200)), (0, b"no such file")):
        damaged = whole.copy()
        damaged[start : start + len(content)] = content
        path.write_bytes(damaged)
        with open_decompressed(path) as file, pytest.raises((OSError, zlib.error, EOFError)):
            file.read()


def test_lines_and_closing(tmp_path: Path) -> None:
    path = tmp_path / "x.zst"
    path.write_bytes(zstandard.compress(CONTENT))
    file = open_decompressed(path)
    assert next(file) == b"line 0 of the text\n"
    assert sum(1 for _ in file) == 39_999
    file.close()
    assert file.closed
