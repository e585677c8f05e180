"""What an engine finds in some texts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Judgement:
    """label: int32 [texts], the best label's number, -1 where there is none, as for a text of which the model knows
    nothing; score: float32 [texts], its probability, or of a regression the value; NaN where there is none."""

    label: "npt.NDArray[np.int32]"
    score: "npt.NDArray[np.float32]"
