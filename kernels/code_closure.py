"""The code that a module runs: its own and that of all modules it imports, without comments, docstrings and formatting.

Whoever keeps what code has made (compiled kernels, tables, results of tasks) keeps it under a digest of that code, so
that an edit that can change the result is never missed, and one that cannot costs nothing.
"""

import ast
import functools
import hashlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path

_IMPORTERS = ("import_module", "__import__")


@dataclass(frozen=True)
class Closure:
    """`modules`: the module and those that it imports of code that is followed (`is_own`), at any depth, at the top or
    inside a function. `packages`: top-level names of the other packages that these import."""

    modules: frozenset[str]
    packages: frozenset[str]


def closure(module: str, leaving_out: frozenset[str] = frozenset()) -> Closure:
    """What a module imports, itself included. Modules in `leaving_out` are neither named nor followed.

    Raises ModuleNotFoundError when the module, or one of its package that it imports, isn't to be found: its edits
    would go unseen.
    """
    modules: set[str] = set()
    packages: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in modules or name in leaving_out:
            continue
        modules.add(name)
        parent = name.rpartition(".")[0]
        if parent and parent != "dspipe":  # importing a module runs its package; dspipe's own only hands names on
            waiting.append(parent)
        for imported in imports(name):
            package = imported.partition(".")[0]
            if is_own(package, module):
                waiting.append(imported)
            elif package not in sys.stdlib_module_names:
                packages.add(package)
    return Closure(frozenset(modules), frozenset(packages))


def closure_digest(module: str, leaving_out: frozenset[str] = frozenset()) -> str:
    """A digest (64 hexadecimal digits) of the code of a module and of all that it imports of the same package."""
    digest = hashlib.sha256()
    for name in sorted(closure(module, leaving_out).modules):
        digest.update(f"{name}\0{code_digest(name)}\n".encode())
    return digest.hexdigest()


@functools.cache
def code_digest(module: str) -> str:
    """A digest of one module's syntax tree without docstrings: comments, formatting and line numbers don't count."""
    content = _content(module)
    if not _is_python(module):
        return hashlib.sha256(content).hexdigest()
    tree = ast.parse(content)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_docstring(part)] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


@functools.cache
def imports(module: str) -> frozenset[str]:
    """The modules that a module imports when it runs: those of its own package and dspipe's each by its full name."""
    if not _is_python(module):
        return frozenset()
    package = module if _is_package(module) else module.rpartition(".")[0]
    found: set[str] = set()
    for node in _running(ast.parse(_content(module))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, package)
            found.add(base)
            if is_own(base.partition(".")[0], module):
                # `from package import module`: the name may be a module itself, and a star stands for any
                names = [alias.name for alias in node.names]
                names = _submodules(base) if names == ["*"] else names
                found.update(f"{base}.{name}" for name in names if _has_module(base, f"{base}.{name}"))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in (
            "import_module",
            "__import__",
        ):
            given = node.args[0] if node.args else None
            if isinstance(given, ast.Constant) and isinstance(given.value, str) and not given.value.startswith("."):
                found.add(given.value)
    return frozenset(found - {module})


@functools.cache
def functions(module: str) -> frozenset[str]:
    """The names of the functions that a module defines at its top, found without importing it."""
    tree = ast.parse(_content(module)) if _is_python(module) else ast.Module([], [])
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def _is_docstring(node: ast.stmt) -> bool:
    # attributes' docstrings too: any string that stands by itself
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@functools.cache
def is_own(package: str, module: str) -> bool:
    """Whether a top-level package's code is followed: dspipe's, the module's own, and what isn't installed as a
    distribution but lies on the path, like a file of helpers beside a stage. Of others the version counts."""
    if package in ("dspipe", module.partition(".")[0]):
        return True
    if not package or package in sys.stdlib_module_names:
        return False
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return False
    places = [*(spec.submodule_search_locations or []), spec.origin or ""] if spec else []
    return bool(places) and not any("site-packages" in place or "dist-packages" in place for place in map(str, places))


def _submodules(package: str) -> list[str]:
    return [info.name for info in pkgutil.iter_modules(list(_spec(package).submodule_search_locations or []))]


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those below `if TYPE_CHECKING:`."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def _has_module(package: str, name: str) -> bool:
    return _is_package(package) and importlib.util.find_spec(name) is not None


def _is_package(module: str) -> bool:
    return _spec(module).submodule_search_locations is not None


def _is_python(module: str) -> bool:
    return (_spec(module).origin or ".py").endswith(".py")


def _content(module: str) -> bytes:
    """The file of a module, nothing for a folder without `__init__.py`."""
    origin = _spec(module).origin
    return Path(origin).read_bytes() if origin else b""


@functools.cache
def _spec(module: str) -> ModuleSpec:
    spec = importlib.util.find_spec(module)
    if spec is None:
        raise ModuleNotFoundError(f"no module {module} to be found", name=module)
    return spec
