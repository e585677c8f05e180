"""Where compiled kernels are kept, when they are compiled anew, and what reaches below bounds checks."""

import itertools
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from numba.core.errors import TypingError

from dspipe.kernels import jit


def test_kernels_are_kept_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert jit.cache_folder() == tmp_path / "dspipe"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert jit.cache_folder() == tmp_path / "home" / ".cache" / "dspipe"


def test_a_user_without_a_home_keeps_them_among_the_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    folder = jit.cache_folder()
    assert folder == tmp_path / f"dspipe-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert jit.cache_folder() == folder
    # numba runs what it finds there: a folder that another user made is not used
    monkeypatch.setattr(jit, "os", SimpleNamespace(environ=os.environ, access=os.access, W_OK=2, getuid=lambda: 4242))
    (tmp_path / "dspipe-4242").mkdir()
    with pytest.raises(PermissionError, match="belongs to another user: set XDG_CACHE_HOME"):
        jit.cache_folder()


class Pair(NamedTuple):
    """Two arrays, as tables of kernels have."""

    numbers: npt.NDArray[np.int64]
    parts: tuple[npt.NDArray[np.int64], ...]


@jit.entry("out", "sums")
def _add(numbers, pair, out, sums):  # type: ignore[no-untyped-def]
    for i in range(len(out)):
        out[i] = numbers[i] + pair.numbers[i] + pair.parts[0][i]
        sums.numbers[0] += out[i]


def numbers(writable: bool) -> npt.NDArray[np.int64]:
    array = np.arange(3)
    array.flags.writeable = writable
    return array


def test_an_entry_is_compiled_once_for_arrays_of_both_kinds() -> None:
    for first, second, third in itertools.product([True, False], repeat=3):
        out, sums = np.zeros(3, np.int64), Pair(np.zeros(1, np.int64), (np.zeros(1, np.int64),))
        _add(numbers(first), Pair(numbers(second), (numbers(third),)), out, sums)
        assert out.tolist() == [0, 3, 6] and sums.numbers.tolist() == [9]
    assert jit.INTERPRETED or len(_add.kernel.compiled.signatures) == 1


def test_what_an_entry_is_given_stays_writable_outside() -> None:
    given = numbers(True)
    _add(given, Pair(given, (given,)), np.zeros(3, np.int64), Pair(np.zeros(1, np.int64), (given,)))
    assert given.flags.writeable


@jit.entry()
def _write(numbers):  # type: ignore[no-untyped-def]
    numbers[0] = 1


def test_an_entry_cannot_write_what_it_does_not_name() -> None:
    with pytest.raises((TypingError, ValueError), match=r"read-only|readonly"):
        _write(numbers(True))


def test_names_of_an_entry_are_those_of_its_parameters() -> None:
    with pytest.raises(TypeError, match=r"_write has no parameters \['number'\]"):
        jit.entry("number")(_write.__wrapped__)


@jit.entry("out")
def _peek(data, i, out):  # type: ignore[no-untyped-def]
    raw = jit.pointer(data)
    jit.prefetch(raw, i)
    out[0] = jit.load64(raw, i)


@pytest.mark.parametrize("i", range(5))
def test_load64_reads_little_endian_wherever_it_is(i: int) -> None:
    data, out = np.arange(7, 20, dtype=np.uint8), np.zeros(1, np.uint64)
    _peek(data, i, out)
    assert int(out[0]) == int.from_bytes(data[i : i + 8].tobytes(), "little")
