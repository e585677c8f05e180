"""What the code of a module is: which edits count, and that no import goes unseen."""

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

import dspipe
from dspipe.kernels import code_closure
from dspipe.kernels.code_closure import closure, closure_digest, is_own


def test_a_kernel_depends_on_what_it_inlines_from_in_whatever_folder() -> None:
    modules = closure("dspipe.kernels.dedup.minhash").modules
    assert {"dspipe.kernels.dedup.minhash", "dspipe.kernels.dedup.units", "dspipe.kernels.jit"} < modules
    assert "dspipe.kernels.bpe.train" not in modules


@pytest.mark.parametrize("package", ["kernels", "stages", "pipeline", "tokenizer"])
def test_every_import_that_python_makes_is_in_the_closure(package: str) -> None:
    """Against Python itself: the modules of dspipe that another one's globals come from are all in its closure."""
    root = importlib.import_module(f"dspipe.{package}")
    for info in pkgutil.walk_packages(root.__path__, f"dspipe.{package}."):
        if info.ispkg:
            continue
        try:
            module = importlib.import_module(info.name)
        except ModuleNotFoundError as error:
            assert error.name == "torch"  # the one library that a module needs and dspipe doesn't install
            continue
        origins = {getattr(value, "__module__", None) for value in vars(module).values()}
        used = {name for name in origins if isinstance(name, str) and name.startswith("dspipe.")}
        assert used <= closure(info.name).modules, info.name


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of modules that import each other in all the ways that there are."""
    folder = tmp_path / "edited"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "deep" / "__init__.py").write_text("")
    (folder / "top.py").write_text(
        "from typing import TYPE_CHECKING\nfrom edited.deep import one\nfrom .deep.two import f\n"
        "if TYPE_CHECKING:\n    import edited.types\n\n\n"
        "def g():\n    import edited.late as late\n    return late, one, f, __import__\n"
    )
    for name in ("deep/one", "deep/two", "types", "late", "apart"):
        (folder / f"{name}.py").write_text('"""Says."""\n\n\ndef f(a):\n    """Does."""\n    return a + 1  # one\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "edited"]:
        del sys.modules[name]


def digest(module: str) -> str:
    for function in (code_closure.code_digest, code_closure.imports, code_closure._spec):
        function.cache_clear()
    return closure_digest(module)


def test_all_ways_to_import_are_seen(package: Path) -> None:
    found = closure("edited.top").modules
    assert found == {"edited", "edited.top", "edited.deep", "edited.deep.one", "edited.deep.two", "edited.late"}


@pytest.mark.parametrize("name", ["deep/one", "deep/two", "late"])
def test_an_edit_of_code_counts_and_one_of_words_does_not(package: Path, name: str) -> None:
    before, file = digest("edited.top"), package / f"{name}.py"
    file.write_text('# new\ndef f( a ):\n    """Does it."""\n    return (a + 1)\n')
    assert digest("edited.top") == before
    file.write_text("def f(a):\n    return a + 2\n")
    assert digest("edited.top") != before


@pytest.mark.parametrize("name", ["types", "apart"])
def test_what_is_not_imported_when_it_runs_does_not_count(package: Path, name: str) -> None:
    before = digest("edited.top")
    (package / f"{name}.py").write_text("x = 1\n")
    assert digest("edited.top") == before


def test_packages_helpers_beside_stars_and_import_module_are_seen(package: Path) -> None:
    (package.parent / "beside.py").write_text("x = 1\n")
    (package / "__init__.py").write_text("import beside\n")
    (package / "top.py").write_text(
        "import importlib\nfrom edited.deep import *\nlate = importlib.import_module('edited.late')\n"
    )
    importlib.invalidate_caches()
    digest("edited.top")
    found = closure("edited.top").modules
    assert {"edited", "beside", "edited.deep.one", "edited.deep.two", "edited.late"} < found
    before = digest("edited.top")
    (package.parent / "beside.py").write_text("x = 2\n")
    assert digest("edited.top") != before


def test_a_module_that_is_not_to_be_found_is_an_error(package: Path) -> None:
    (package / "top.py").write_text("def f():\n    from edited.gone import x\n    return x\n")
    with pytest.raises(ModuleNotFoundError, match=r"no module edited\.gone"):
        digest("edited.top")


def test_dspipe_is_seen_whole() -> None:
    names = [
        info.name for info in pkgutil.walk_packages(dspipe.__path__, "dspipe.") if not info.name.endswith("__main__")
    ]
    assert len(names) > 200
    for name in names:
        closure_digest(name)


def test_a_package_that_gives_its_folders_as_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # as transformers does once it is imported
    for name, folder, own in ("lazy_a", tmp_path / "site-packages", False), ("lazy_b", tmp_path, True):
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None, is_package=True)
        module.__spec__.submodule_search_locations = [folder / name]  # type: ignore[list-item]
        monkeypatch.setitem(sys.modules, name, module)
        assert is_own(name, "dspipe.x") == own
