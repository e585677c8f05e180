"""Which files references mean."""

import ast
import sysconfig
import time
from pathlib import Path

import pytest

from dspipe.stages.repositories.imports import LANGUAGE_OF, references_in
from dspipe.stages.repositories.order import in_order_of_imports
from dspipe.stages.repositories.resolve import MOST_MEANT, RepositoryFiles, clean_path, ending_of


def imports(files: dict[str, str], name: str = "repo") -> set[tuple[str, str]]:
    """Pairs of paths."""
    paths = list(files)
    languages = [LANGUAGE_OF.get(ending_of(path)) for path in paths]
    texts = [memoryview(text.encode()) for text in files.values()]
    found = [references_in(text, language) if language else [] for text, language in zip(texts, languages, strict=True)]
    return {(paths[one], paths[other]) for one, other in RepositoryFiles(name, paths, found).imports()}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        # Python: a module, a name in one, relative ones, the root before a neighbour, src, the repository's own name
        ({"a.py": "import p.b\nfrom p import c", "p/b.py": "", "p/c.py": ""}, {"a.py p/b.py", "a.py p/c.py"}),
        ({"a.py": "from p.b import f", "p/b.py": "", "p/__init__.py": ""}, {"a.py p/b.py"}),
        ({"a.py": "from p import f\nimport q", "p/__init__.py": "", "q/x.py": ""}, {"a.py p/__init__.py"}),
        ({"p/q/a.py": "from ..b import x\nfrom . import c\nfrom .. import y", "p/b.py": "", "p/q/c.py": "",
          "p/__init__.py": ""}, {"p/q/a.py p/b.py", "p/q/a.py p/q/c.py", "p/q/a.py p/__init__.py"}),
        ({"p/a.py": "import b", "p/b.py": "", "b.py": ""}, {"p/a.py b.py"}),
        ({"p/a.py": "import b", "p/b.py": ""}, {"p/a.py p/b.py"}),
        ({"tests/a.py": "import p.b", "src/p/b.py": ""}, {"tests/a.py src/p/b.py"}),
        ({"a.py": "from repo.b import c\nimport repo", "b.py": "", "__init__.py": ""},
         {"a.py b.py", "a.py __init__.py"}),
        ({"a.py": "from ....b import c\nfrom .... import d", "b.py": ""}, set()),
        # Java: below any root, a static member, a whole package of the nearest root
        ({"m/src/a/B.java": "import c.D;\nimport static c.E.f;", "m/src/c/D.java": "", "m/src/c/E.kt": ""},
         {"m/src/a/B.java m/src/c/D.java", "m/src/a/B.java m/src/c/E.kt"}),
        ({"m/a/B.java": "import c.*;", "m/c/D.java": "", "m/c/x.txt": "", "n/c/D.java": ""}, {"m/a/B.java m/c/D.java"}),
        # C: beside, below include, the nearest with such an end; <stdio.h> isn't one that happens to be called so
        ({"src/a.c": '#include "a.h"\n#include "x/b.h"\n#include <c.h>\n#include <stdio.h>', "src/a.h": "", "a.h": "",
          "include/c.h": "", "lib2/x/b.h": "", "compat/stdio.h": ""},
         {"src/a.c src/a.h", "src/a.c lib2/x/b.h", "src/a.c include/c.h"}),
        ({"m/a.c": '#include "b.h"\n#include "../c.h"', "m/i/b.h": "", "n/b.h": "", "c.h": ""},
         {"m/a.c m/i/b.h", "m/a.c c.h"}),
        ({"A.cs": "using N.M;", "B.cs": "namespace N.M\n{", "C.cs": "namespace N.M;"}, {"A.cs B.cs", "A.cs C.cs"}),
        ({"a/b.ts": "import x from './c.js'\nimport '../d'\nrequire('./e.json')", "a/c.ts": "", "d/index.jsx": "",
          "a/e.json": ""}, {"a/b.ts a/c.ts", "a/b.ts d/index.jsx", "a/b.ts a/e.json"}),
        ({"main.go": 'import (\n"fmt"\n"x.org/o/repo/p/q"\n"x.org/o/repo"\n)', "p/q/a.go": "", "p/q/a_test.go": "",
          "root.go": "", "fmt/fmt.go": ""}, {"main.go p/q/a.go", "main.go root.go", "main.go fmt/fmt.go"}),
        ({"src/main.rs": "mod a;\nuse crate::b::{c::D, E};", "src/a.rs": "mod f;\nuse super::b;",
          "src/a/f.rs": "use self::x;", "src/b/mod.rs": "mod c;", "src/b/c.rs": "use super::E;"},
         {"src/main.rs src/a.rs", "src/main.rs src/b/c.rs", "src/main.rs src/b/mod.rs", "src/a.rs src/a/f.rs",
          "src/a.rs src/b/mod.rs", "src/b/mod.rs src/b/c.rs"}),
        ({"lib/a.rb": "require 'a/b'\nrequire_relative 'c'", "lib/a/b.rb": "", "lib/c.rb": ""},
         {"lib/a.rb lib/a/b.rb", "lib/a.rb lib/c.rb"}),
        # a file that no language is known of, names that differ in case, paths of Windows
        ({"a.txt": "import b", "b.py": "import B", "B.py": ""}, {"b.py B.py"}),
        ({"p\\a.py": "from . import b", ".\\p\\b.py": ""}, {"p\\a.py .\\p\\b.py"}),
    ],
)  # fmt: skip
def test_references(files: dict[str, str], expected: set[str]) -> None:
    found = {f"{one} {other}" for one, other in imports(files) if one != other}
    assert found == expected


def test_of_two_files_with_one_path_the_first_is_meant() -> None:
    found = list(RepositoryFiles("r", ["a.py", "b.py", "a.py"], [[], ["a"], []]).imports())
    assert found == [(1, 0)]


def test_a_reference_to_very_many_files_is_left_out() -> None:
    package = {f"x/{n}.go": "" for n in range(MOST_MEANT)}
    using = {"main.go": 'import "x"'}
    assert len(imports({**package, **using})) == MOST_MEANT
    assert not imports({**package, "x/more.go": "", **using})


def test_a_real_package_against_its_syntax_trees() -> None:
    """Every import of `rich`, as Python's own parser finds them."""
    root = Path(sysconfig.get_path("purelib")) / "rich"
    files = {str(path.relative_to(root)): path.read_text("utf-8") for path in root.rglob("*.py")}
    assert len(files) > 50

    def file_of(parts: list[str]) -> str | None:
        stem = "/".join(parts)
        return next((p for p in (f"{stem}.py", f"{stem}/__init__.py".lstrip("/")) if p in files), None)

    expected = set()
    for path, text in files.items():
        package = path.split("/")[:-1]
        for node in ast.walk(ast.parse(text)):
            modules: list[list[str]] = []
            if isinstance(node, ast.Import):
                modules = [alias.name.split(".")[1:] for alias in node.names if alias.name.split(".")[0] == "rich"]
            elif isinstance(node, ast.ImportFrom):
                parts = (node.module or "").split(".") if node.module else []
                if node.level:
                    base = package[: len(package) - node.level + 1] + parts
                elif parts and parts[0] == "rich":
                    base = parts[1:]
                else:
                    continue
                modules = [[*base, alias.name] if file_of([*base, alias.name]) else base for alias in node.names]
            expected |= {(path, other) for module in modules if (other := file_of(module)) is not None}
    found = imports(files, "rich")
    assert expected <= found
    assert len(found - expected) <= 2, "lines of documentation"
    paths = list(files)
    pairs = {(paths.index(one), paths.index(other)) for one, other in found}
    assert sum(len(part) for part in in_order_of_imports(len(files), pairs)) == len(files)


def test_a_repository_of_fifty_thousand_files() -> None:
    """Each includes headers by their ends; all of them have one of a hundred names."""
    paths = [f"d{n // 100}/x/f{n % 100}.h" for n in range(50_000)]
    before = time.process_time()
    found = list(RepositoryFiles("r", paths, [[f"x/f{(n + 1) % 100}.h", "a/b.h"] for n in range(50_000)]).imports())
    assert len(found) == 50_000
    assert all(one // 100 == other // 100 for one, other in found)
    assert time.process_time() - before < 60


@pytest.mark.parametrize(
    ("path", "clean"), [("a//b/./c/../d.py", "a/b/d.py"), ("/a", "a"), ("..\\a", "../a"), ("", ""), ("a\0b", "a\0b")]
)
def test_clean_paths(path: str, clean: str) -> None:
    assert clean_path(path) == clean
