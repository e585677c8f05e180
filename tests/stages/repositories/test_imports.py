"""What source files refer to."""

import time

import pytest

from dspipe.stages.repositories.imports import LANGUAGES, MOST_REFERENCES, references_in


def references(text: str, language: str) -> list[str]:
    return references_in(memoryview(text.encode()), language)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("python", "import a, b.c as d\nfrom e import f as g, h", ["a", "b.c", "e.f", "e.h"]),
        ("python", "from . import a\nfrom ..b import c\nfrom .d import *\nfrom . import *", [".a", "..b.c", ".d", "."]),
        ("python", "from a import (  # why\n    b,  # one, two\n    c as d,\n)\nx = 1", ["a.b", "a.c"]),
        ("python", "from a import b, \\\n    c\r\nimport d\r\n", ["a.b", "a.c", "d"]),
        ("python", "if x:\n\timport a; import b\nimported = 1\nreimport a\n# import c", ["a"]),
        ("python", "from a import (b\n", []),
        ("python", "from é import ü", []),
        ("java", "package a;\nimport a.b.C;\nimport static a.b.D.e;\nimport a.b.*;", ["a.b.C", "a.b.D.e", "a.b.*"]),
        ("c", '#include "a/b.h"\n  #  include <vector> // x\n#import "c.h"\n', ["a/b.h", "<vector", "c.h"]),
        (
            "csharp",
            "global using A.B;\nusing static C.D;\nusing E = F.G;\nusing (var x = y) {}\nnamespace H.I\n{",
            ["A.B", "C.D", "F.G", "=H.I"],
        ),
        (
            "javascript",
            "import a from './a'\nimport {\n b,\n c\n} from \"../b/c.js\"\nexport * from './d'\nimport './e'\n"
            "const f = require( './f'), g = await import('./g')\nconst h = './h'\nimport i from 'i'\nrequire('.')",
            ["./a", "../b/c.js", "./d", "./e", "./f", "./g", "."],
        ),
        ("go", 'import "fmt"\nimport (\n\t"a.org/b"\n\tc "a.org/d"\n)\n', ["fmt", "a.org/b", "a.org/d"]),
        (
            "rust",
            "mod a;\npub(crate) mod b;\nmod c { }\nuse crate::d::{e, f::{g as h, i}, j};\nuse super::k;\nuse std::l;",
            ["self::a", "self::b", "crate::d::e", "crate::d::f::g", "crate::d::f::i", "crate::d::j", "super::k"],
        ),
        ("ruby", "require 'a/b'\nrequire_relative('c')\n", ["a/b", "./c"]),
    ],
)
def test_references(language: str, text: str, expected: list[str]) -> None:
    assert references(text, language) == expected


def test_a_file_of_imports_alone() -> None:
    assert len(references("".join(f"import a{n}\n" for n in range(2 * MOST_REFERENCES)), "python")) == MOST_REFERENCES


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "piece",
    [
        "from a import (\n",
        "import (\n",
        "from .....",
        "use crate::{{{{",
        "import static a",
        "#include <",
        "'./a",
        "using a",
    ],
)
def test_no_text_takes_long(language: str, piece: str) -> None:
    """Openings without an end. Where a pattern reads on from each of them the time would be a minute and more."""
    before = time.process_time()
    references(piece * (100_000 // len(piece)), language)
    references(piece + " " * 100_000 + "." * 100_000, language)
    assert time.process_time() - before < 20


def test_bytes_that_are_no_text() -> None:
    assert references_in(memoryview(b"import a\xff.b\nimport \xff\n"), "python") == ["a\ufffd.b", "\ufffd"]
