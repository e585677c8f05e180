"""Random numbers that are a function of what they are for: the same for whoever draws them, in whatever order.

A key is any integers; draw `i` of it is splitmix64 (Steele, Lea and Flood 2014) at place `i` of the key's sequence.
"""

import numpy as np
import numpy.typing as npt

_GAMMA = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
Uint64s = npt.NDArray[np.uint64]


def key(*parts: int) -> int:
    """64 bits that stand for some integers, in their order."""
    state = 0
    for part in parts:
        state = _mix(state + _GAMMA ^ part & _MASK)
    return state


def draw(*parts: int) -> int:
    """One draw of a key: 64 bits."""
    return _mix(key(*parts) + _GAMMA)


def unit(*parts: int) -> float:
    """One draw in [0, 1)."""
    return (draw(*parts) >> 11) * 2.0**-53


def keys(prefix: int, numbers: npt.NDArray[np.int64]) -> Uint64s:
    """`key(prefix, n)` of every number, as an array."""
    state = np.uint64((key(prefix) + _GAMMA) & _MASK)
    return _mix_all(state ^ numbers.astype(np.uint64))


def draws(of: int, count: int) -> Uint64s:
    """The first `count` draws of a key."""
    with np.errstate(over="ignore"):
        return _mix_all(np.uint64(of) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GAMMA))


def units(of: Uint64s) -> npt.NDArray[np.float64]:
    """Draws of 64 bits as numbers in [0, 1)."""
    return (of >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(state: int) -> int:
    state &= _MASK
    state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    state = (state ^ state >> 27) * 0x94D049BB133111EB & _MASK
    return state ^ state >> 31


def _mix_all(state: Uint64s) -> Uint64s:
    with np.errstate(over="ignore"):
        state = (state ^ state >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ state >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return state ^ state >> np.uint64(31)
