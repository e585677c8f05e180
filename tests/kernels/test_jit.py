"""Where compiled kernels are kept, and when they are compiled anew."""

import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

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
