"""Which edits of code change the fingerprint of a stage."""

from pathlib import Path

import pytest

from dspipe.kernels import code_closure
from dspipe.pipeline.plan.fingerprint import code_fingerprint


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
