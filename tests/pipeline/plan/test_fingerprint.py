"""What runs again after an edit of code: counted in tasks."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dspipe.kernels import code_closure
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.plan.fingerprint import code_fingerprint, function_module
from tests.engine import run_inline, tasks_run
from tests.pipeline.run.test_run import toy

__all__ = ["toy"]

Edit = Callable[[str], None]


@pytest.fixture
def edit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    """Makes the code of a module another one."""
    real = code_closure.code_digest

    def edited(module: str) -> None:
        monkeypatch.setattr(code_closure, "code_digest", lambda name: real(name) + ("+" if name == module else ""))
        code_fingerprint.cache_clear()

    yield edited
    code_fingerprint.cache_clear()


def test_an_edit_of_a_stage_of_one_module_runs_its_parts_alone(toy: dict[str, Any], edit: Edit) -> None:
    run_inline(toy)
    edit("tests.toys.unique")  # its measure and its phases are in it; what lengths decides is not
    assert set(tasks_run(run_inline(toy))) == {
        "documents",
        "unique.emit",
        "unique.reduce",
        "unique.verdicts",
        "unique.report",
    }
    edit("tests.toys.sleepy")
    assert tasks_run(run_inline(toy)) != {}  # back to the code before
    assert tasks_run(run_inline(toy)) == {}


def test_an_edit_of_what_nothing_runs_runs_nothing(toy: dict[str, Any], edit: Edit) -> None:
    run_inline(toy)
    for module in ("dspipe.stages.minhash.stage", "dspipe.pipeline.report.stats", "dspipe.pipeline.stage"):
        edit(module)
        assert tasks_run(run_inline(toy)) == {}, module


def test_a_function_that_is_not_there_is_a_mistake_in_the_stage() -> None:
    assert function_module("tests.toys.unique:emit") == "tests.toys.unique"
    with pytest.raises(ConfigError, match="no function emitt"):
        function_module("tests.toys.unique:emitt")
    with pytest.raises(ConfigError, match=r"there is no module tests\.toys\.uniq$"):
        function_module("tests.toys.uniq:emit")


def test_code_changes_change_the_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "users_stages"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("def f():\n    from users_stages import two\n    return two.x\n")
    (package / "two.py").write_text("import dspipe.kernels.arrow\nx = 1\n")
    (package / "three.py").write_text("x = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    prints = []
    for name, text in (("two", "x = 1\n"), ("two", "x = 2\n"), ("three", "x = 4\n")):
        (package / f"{name}.py").write_text(text)
        for function in (code_fingerprint, code_closure.code_digest, code_closure.imports):
            function.cache_clear()
        prints.append(code_fingerprint("users_stages.one"))
    assert prints[0] != prints[1]
    assert prints[1] == prints[2]
