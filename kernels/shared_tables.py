"""Tables that are built once on a machine and shared by its workers: arrays in files, mapped into memory."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dspipe.kernels.code_closure import closure_digest
from dspipe.kernels.jit import cache_folder

Arrays = Mapping[str, npt.NDArray[Any]]


def shared_arrays(kind: str, content: str, module: str, build: Callable[[], Arrays]) -> dict[str, npt.NDArray[Any]]:
    """The arrays that `build` makes, mapped if large; made where no process of this machine has made them yet.

    `content` is a digest of all that they are made of; `module` names the module whose code, with all that it imports,
    they are only good for.
    """
    folder = cache_folder() / "tables" / f"{kind}-{content[:32]}-{closure_digest(module)[:16]}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
        for name, array in build().items():
            np.save(partial / f"{name}.npy", array)
        try:
            partial.rename(folder)
        except OSError:  # another process was quicker
            shutil.rmtree(partial)
    arrays = {}
    for file in sorted(folder.glob("*.npy")):
        # an empty file cannot be mapped
        arrays[file.stem] = np.load(file, mmap_mode="r" if file.stat().st_size > 4096 else None).view(np.ndarray)
    return arrays
