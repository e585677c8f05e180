"""Fingerprints of code: a task is done again when the code that it runs has changed.

The fingerprint of a module covers its own code, the code of every module of dspipe that it imports (at the top or
inside a function), and the versions of the other packages that those import; comments, docstrings and formatting don't
count (`kernels.code_closure`). Nobody has to remember a version number.
"""

import functools
import hashlib
import importlib.metadata

from dspipe.kernels.code_closure import closure, closure_digest, functions
from dspipe.pipeline.errors import ConfigError

# the engine's interfaces carry no behaviour that results depend on; its formats do, and are named by the tasks
_INTERFACES = frozenset(
    f"dspipe.pipeline.{name}"
    for name in ("stage", "source", "storage.store", "tasks.task", "tasks.spec", "tasks.artifact_file")
)


def function_module(run: str) -> str:
    """The module of a function named `module:function`. Raises ConfigError when there is none, or no such function."""
    module, _, name = run.partition(":")
    try:
        found = functions(module)
    except ModuleNotFoundError:
        raise ConfigError(f"names the function {run}, but there is no module {module}") from None
    if name not in found:
        raise ConfigError(f"names the function {run}, but the module has no function {name or '(no name given)'}")
    return module


@functools.cache
def code_fingerprint(module: str) -> str:
    """16 hexadecimal digits for a module and all that it imports."""
    digest = hashlib.sha256(closure_digest(module, _INTERFACES).encode())
    for name in sorted(closure(module, _INTERFACES).packages):
        digest.update(f"{name}=={_version(name)}\n".encode())
    return digest.hexdigest()[:16]


@functools.cache
def _distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


@functools.cache
def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        names = _distributions().get(package, [])
        return ",".join(f"{name} {importlib.metadata.version(name)}" for name in sorted(set(names)))
