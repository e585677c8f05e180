"""How every kernel is compiled, and the few operations that numba lacks.

`jit` and `inline` are numba's `njit` with one set of options, `entry` is for kernels that Python calls. `pointer`,
`load64` and `prefetch` reach below bounds checks; they exist only here. Two environment variables turn the same kernels
into something that can be checked:

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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import config, njit

from dspipe.kernels.code_closure import closure_digest

CHECKED = os.environ.get("DSPIPE_CHECKED", "") == "1"
INTERPRETED = bool(config.DISABLE_JIT)


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


def _compiled(**options: Any) -> Callable[[Any], Any]:
    """A decorator like `njit(cache=True)`, whose cache depends on all the code that goes into a kernel.

    numba looks at the kernel's own file alone: after an edit of a function that it inlines from another one, the old
    code would run. So kernels are kept in a folder named by a digest of that code (and of what is checked).
    """

    def decorate(function: Any) -> Any:
        digest = hashlib.sha256(f"{CHECKED} {closure_digest(function.__module__)}".encode())
        before = config.CACHE_DIR
        base = Path(before) if before else cache_folder() / "kernels"
        config.CACHE_DIR = str(base / digest.hexdigest()[:16])
        try:
            return njit(nogil=True, cache=True, error_model="numpy", boundscheck=CHECKED, **options)(function)
        finally:
            config.CACHE_DIR = before

    return decorate


jit = _compiled()
inline = _compiled(forceinline=True)


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


if INTERPRETED or CHECKED:

    @inline
    def pointer(array):  # type: ignore[no-untyped-def]
        """The array itself: every access is checked."""
        return array

    @inline
    def load64(data, i):  # type: ignore[no-untyped-def]
        """The 8 bytes from data[i] as a little-endian uint64."""
        value = np.uint64(0)
        for k in range(8):
            value |= np.uint64(data[i + k]) << np.uint64(8 * k)
        return value

    @inline
    def prefetch(data, i):  # type: ignore[no-untyped-def]
        """Nothing: a hint only."""

else:
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic
    from numba.np.arrayobj import make_array

    @intrinsic
    def pointer(typing_context, array):  # type: ignore[no-untyped-def]
        """The array's data as a raw pointer. No reference count, no bounds: the caller keeps the array alive.

        An argument lives until the kernel returns. An array that the kernel makes itself is freed after its last use
        *as an array*, while pointers into it may still be used: touch it once more at the end, or pass it in.
        """

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            return make_array(signature.args[0])(context, builder, arguments[0]).data

        return types.CPointer(array.dtype)(array), generate

    @intrinsic
    def load64(typing_context, data, i):  # type: ignore[no-untyped-def]
        """The 8 bytes from data[i] (a byte pointer) as a little-endian uint64; unaligned."""

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            address = builder.gep(arguments[0], [arguments[1]])
            return builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)

        return types.uint64(data, types.int64), generate

    @intrinsic
    def prefetch(typing_context, data, i):  # type: ignore[no-untyped-def]
        """Ask for the cache line that holds data[i]."""

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            byte_pointer, int32 = ir.IntType(8).as_pointer(), ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [byte_pointer, int32, int32, int32])
            function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
            address = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), byte_pointer)
            builder.call(function, [address, int32(0), int32(3), int32(1)])
            return context.get_dummy_value()

        return types.void(data, types.int64), generate
