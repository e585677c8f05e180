"""How every kernel is compiled, and the few operations that numba lacks.

`jit` and `inline` are numba's `njit` with one set of options, `entry` is for kernels that Python calls. `pointer`,
`load64` and `prefetch` reach below bounds checks; they exist only here. numba is imported when the first kernel is
called: that takes 0.3 s, and most commands call none.

Two environment variables turn the same kernels into something that can be checked:

    NUMBA_DISABLE_JIT=1     kernels run as plain Python
    DSPIPE_CHECKED=1        kernels are compiled with bounds checks, and `pointer` returns the checked array itself

A kernel that uses `pointer` must be tested in one of these two ways on its edge cases (see tests/kernels).
Arrays kept in namedtuples cost 6 to 7 times in inner loops (reference counts); `pointer` avoids it.
"""

import functools
import hashlib
import inspect
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dspipe.kernels.code_closure import closure_digest

CHECKED = os.environ.get("DSPIPE_CHECKED", "") == "1"
INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def cache_folder() -> Path:
    """Where what is made once per machine is kept: `$XDG_CACHE_HOME/dspipe`, `~/.cache/dspipe` without it.

    Where that cannot be written, as in a container whose user has no home, a folder among the temporary files. Raises
    PermissionError when that one is someone else's, who could put code into it.
    """
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dspipe"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):
        pass
    folder = Path(tempfile.gettempdir()) / f"dspipe-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user: set XDG_CACHE_HOME to a folder that can be written")
    return folder


class Kernel:
    """A function that numba compiles when it is first called, or when a kernel that calls it is compiled.

    numba keeps what it has compiled, but looks at the kernel's own file alone: after an edit of a function that it
    inlines from another one, the old code would run. So kernels are kept in a folder named by a digest of all the code
    that goes into one (and of what is checked).
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, bool]) -> None:
        functools.update_wrapper(self, function)
        self._function, self._options = function, options
        self._compiled: Any = None

    @property
    def compiled(self) -> Any:
        """numba's dispatcher; the function itself where kernels are interpreted."""
        if self._compiled is None:
            with _ONE_AT_A_TIME:
                self._compiled = self._compiled or self._make_dispatcher()
        return self._compiled

    def __call__(self, *arguments: Any) -> Any:
        """Run it."""
        return self.compiled(*arguments)

    def _make_dispatcher(self) -> Any:
        if INTERPRETED:
            return self._function
        numba = _numba()
        digest = hashlib.sha256(f"{CHECKED} {closure_digest(self._function.__module__)}".encode())
        before = numba.config.CACHE_DIR
        base = Path(before) if before else cache_folder() / "kernels"
        numba.config.CACHE_DIR = str(base / digest.hexdigest()[:16])
        try:
            options = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": CHECKED}
            return numba.njit(**options, **self._options)(self._function)
        finally:
            numba.config.CACHE_DIR = before


_ONE_AT_A_TIME = threading.Lock()
"""numba asks for the folder in a setting of all its kernels"""


@functools.cache
def _numba() -> Any:
    """numba, which knows kernels."""
    import numba

    from dspipe.kernels.numba_types import know_kernels, lower_unchecked

    know_kernels(Kernel)
    if not CHECKED:
        lower_unchecked(pointer, load64, prefetch)
    return numba


def jit(function: Callable[..., Any]) -> Any:
    """A kernel that other kernels call, or Python with arrays of one kind."""
    return Kernel(function, {})


def inline(function: Callable[..., Any]) -> Any:
    """As `jit`, for a kernel that becomes a part of those that call it."""
    return Kernel(function, {"forceinline": True})


def entry(*written: str) -> Callable[[Any], Any]:
    """As `jit`, for a kernel that Python alone calls: it is compiled once, whether arrays are read-only or writable.

    numba compiles a kernel anew for each combination, and Arrow gives now one, now the other. So a kernel is handed
    read-only views of all arrays, and of those in tuples, but for the parameters named here, which it writes. One that
    writes to another isn't compiled (interpreted, it raises ValueError). Costs about a microsecond an array and call.
    """

    def decorate(function: Any) -> Any:
        kernel, names = jit(function), list(inspect.signature(function).parameters)
        unknown = set(written) - set(names)
        if unknown:
            raise TypeError(f"{function.__qualname__} has no parameters {sorted(unknown)}")
        reads = [name not in written for name in names]

        @functools.wraps(function)
        def call(*arguments: Any) -> Any:
            return kernel(*[_read_only(x) if read else x for x, read in zip(arguments, reads, strict=True)])

        call.kernel = kernel  # type: ignore[attr-defined]
        return call

    return decorate


def _read_only(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        view = value.view()
        view.setflags(write=False)
        return view
    if isinstance(value, tuple):
        parts = [_read_only(part) for part in value]
        return value._make(parts) if hasattr(value, "_make") else tuple(parts)
    return value


def pointer(array: Any) -> Any:
    """The array's data as a raw pointer. No reference count, no bounds: the caller keeps the array alive.

    An argument lives until the kernel returns. An array that the kernel makes itself is freed after its last use
    *as an array*, while pointers into it may still be used: touch it once more at the end, or pass it in.
    Interpreted or checked, it is the array itself.
    """
    return array


def load64(data: Any, i: Any) -> Any:
    """The 8 bytes from data[i] as a little-endian uint64; unaligned."""
    value = np.uint64(0)
    for k in range(8):
        value |= np.uint64(data[i + k]) << np.uint64(8 * k)
    return value


def prefetch(data: Any, i: Any) -> None:
    """Ask for the cache line that holds data[i]. A hint only."""


if CHECKED:
    pointer, load64, prefetch = inline(pointer), inline(load64), inline(prefetch)
