"""The arrays that kernels see."""

from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]
Ids = npt.NDArray[np.uint32]


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A read-only view. Numba compiles a kernel once for writable arrays and once for others; so all inputs are these,
    as Arrow's buffers are."""
    view = array.view()
    view.flags.writeable = False
    return view
