"""The arrays that kernels see."""

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]
Ids = npt.NDArray[np.uint32]
