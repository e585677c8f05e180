"""Fingerprints of code: a task is done again when the code that it runs has changed.

The fingerprint of a module covers its own source, the source of every module of dspipe that it imports (at the top or
inside a function), and the versions of the other packages that those import. Nobody has to remember a version number.
"""

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import sys
from pathlib import Path

_OWN = ("stages", "kernels", "tokenizer", "pipeline")
# the engine's interfaces carry no behaviour that results depend on; its formats do, and are named by the tasks
_INTERFACES = ("pipeline.stage", "pipeline.source", "pipeline.store", "pipeline.task")


@functools.cache
def code_fingerprint(module: str) -> str:
    """16 hexadecimal digits for a module and all that it imports."""
    sources, packages = _closure(module)
    digest = hashlib.sha256()
    for name in sorted(sources):
        digest.update(f"{name}\0{hashlib.sha256(sources[name]).hexdigest()}\n".encode())
    for name in sorted(packages):
        digest.update(f"{name}=={_version(name)}\n".encode())
    return digest.hexdigest()[:16]


def _closure(module: str) -> tuple[dict[str, bytes], set[str]]:
    sources: dict[str, bytes] = {}
    packages: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in sources or name in _INTERFACES:
            continue
        path = _source_path(name)
        if path is None:
            continue
        sources[name] = path.read_bytes()
        for imported in _imports(sources[name], name):
            if imported.split(".")[0] in (*_OWN, module.split(".")[0]):
                waiting.append(imported)
            elif imported.split(".")[0] not in sys.stdlib_module_names:
                packages.add(imported.split(".")[0])
    return sources, packages


def _imports(source: bytes, module: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, module.rpartition(".")[0])
            found.add(base)
            # `from package import module`: the name may be a module itself
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return found


def _source_path(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, AttributeError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


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
