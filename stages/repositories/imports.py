"""What a source file refers to, by a regular expression for its language.

A *reference* is a short string in the language's own terms; `stages.repositories.resolve` says which files it means:

    python      `a.b.c`, `..a.b`: a module, or a name in one
    java        `a.b.C`, `a.b.*`
    c           `a/b.h`, or `<a/b.h` where it stood in <>
    csharp      `A.B` that is used, `=A.B` that is declared
    javascript  `./a`, `../b/c`
    go          `example.org/x/y`
    rust        `crate::a::b`, `self::a`, `super::b`
    ruby        `a/b`, or `./a` from require_relative

As in the paper no file is parsed: what stands in a comment or a string at the beginning of a line counts as well, what
is imported under a computed name doesn't, and neither do files that need no import, such as those of one Java package.
"""

import re
from collections.abc import Callable, Iterator

LANGUAGES: dict[str, tuple[str, ...]] = {
    "python": ("py", "pyi", "pyx", "pxd"),
    "java": ("java", "kt", "kts", "scala", "groovy"),
    "c": ("c", "h", "cc", "cpp", "cxx", "c++", "hh", "hpp", "hxx", "h++", "inl", "ipp", "cu", "cuh", "m", "mm"),
    "csharp": ("cs",),
    "javascript": ("js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "svelte"),
    "go": ("go",),
    "rust": ("rs",),
    "ruby": ("rb",),
}
"""The languages whose imports are known, and the endings of their files."""
LANGUAGE_OF = {ending: language for language, endings in LANGUAGES.items() for ending in endings}

MOST_REFERENCES = 10_000
"""of a file: the first ones count"""
READ_BYTES = 1 << 20
"""of a file: imports beyond are not seen"""
_BLOCK_BYTES = 1 << 14
"""of a block of imports in Go"""
_MOST_NAMES = 1000
"""that a tree of names in Rust is spelled out to"""

# what may reach over lines is bounded, or files of openings without an end would be read again for each of them
_PYTHON = re.compile(
    rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]{0,8192}\)|(?:\\\r?\n|[^\n;#(]){0,4096})"
    rb"|import[ \t]+([^\n;#]+))",
    re.MULTILINE,
)
_COMMENT = re.compile(rb"#[^\n]*")
_JAVA = re.compile(rb"^[ \t]*import[ \t]+(?:static[ \t]+)?([\w.]+\*?)", re.MULTILINE)
_C = re.compile(rb'^[ \t]*#[ \t]*(?:include|import)[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', re.MULTILINE)
_CSHARP = re.compile(
    rb"^[ \t]*(?:(?:global[ \t]+)?using[ \t]+(?:static[ \t]+)?(?:\w+[ \t]*=[ \t]*)?([\w.]+)[ \t]*;"
    rb"|namespace[ \t]+([\w.]+))",
    re.MULTILINE,
)
_JAVASCRIPT = re.compile(rb"""["'](\.\.?(?:/[^"'\n]*)?)["']""")
_BEFORE_MODULE = re.compile(rb"(?:\bfrom|\bimport|\brequire[ \t]*\(|\bimport[ \t]*\()\s*\Z")
_GO = re.compile(rb'^import[ \t]*(?:(?:[\w.]+[ \t]+)?"([^"\n]+)"|\()', re.MULTILINE)
_GO_PATH = re.compile(rb'"([^"\n]+)"')
_RUST = re.compile(
    rb"^[ \t]*(?:pub(?:\([^)\n]*\))?[ \t]+)?(?:mod[ \t]+(\w+)[ \t]*;|use[ \t]+((?:crate|self|super)::[^;]{1,4096});)",
    re.MULTILINE,
)
_RUST_PART = re.compile(r"[{},]|[^{},]+")
_RUBY = re.compile(rb"""^[ \t]*require(_relative)?[ \t]*\(?[ \t]*["']([^"'\n]+)["']""", re.MULTILINE)


def references_in(text: memoryview, language: str) -> list[str]:
    """The references of a file in UTF-8, each once, in their order; `language` is a key of LANGUAGES."""
    found: dict[str, None] = {}
    for reference in _FINDERS[language](text[:READ_BYTES]):
        found[reference] = None
        if len(found) == MOST_REFERENCES:
            break
    return list(found)


def _python(text: memoryview) -> Iterator[str]:
    for match in _PYTHON.finditer(text):
        module, names, modules = (bytes(group) if group is not None else None for group in match.groups())
        if modules is not None:
            yield from (words[0] for part in _text(modules).split(",") if (words := part.split()))
        elif module is not None and names is not None:
            of = _text(module)
            of = of if of.endswith(".") else f"{of}."
            for part in _text(_COMMENT.sub(b"", names)).strip("()").replace("\\", " ").split(","):
                words = part.split()
                if words:
                    yield of.removesuffix(".") or of if words[0] == "*" else of + words[0]


def _java(text: memoryview) -> Iterator[str]:
    return (_text(match[1]) for match in _JAVA.finditer(text))


def _c(text: memoryview) -> Iterator[str]:
    for match in _C.finditer(text):
        yield _text(match[1]) if match[1] is not None else f"<{_text(match[2])}"


def _csharp(text: memoryview) -> Iterator[str]:
    for match in _CSHARP.finditer(text):
        yield _text(match[1]) if match[1] is not None else f"={_text(match[2])}"


def _javascript(text: memoryview) -> Iterator[str]:
    for match in _JAVASCRIPT.finditer(text):
        if _BEFORE_MODULE.search(text[max(0, match.start() - 32) : match.start()]):
            yield _text(match[1])


def _go(text: memoryview) -> Iterator[str]:
    for match in _GO.finditer(text):
        if match[1] is not None:
            yield _text(match[1])
        else:
            block = bytes(text[match.end() : match.end() + _BLOCK_BYTES])
            yield from (_text(path[1]) for path in _GO_PATH.finditer(block, 0, max(0, block.find(b")"))))


def _rust(text: memoryview) -> Iterator[str]:
    for match in _RUST.finditer(text):
        if match[1] is not None:
            yield f"self::{_text(match[1])}"
        else:
            yield from _spelled_out(_text(match[2]))


def _spelled_out(tree: str) -> list[str]:
    """The paths of a tree like `crate::{a, b::{c, d as e}}`."""
    paths: list[str] = []
    before, now = [""], ""
    for part in _RUST_PART.findall(tree):
        if part == "{":
            before.append(now or before[-1])
            now = ""
        elif part in ",}":
            paths += [now] if now else []
            now = ""
            if part == "}" and len(before) > 1:
                before.pop()
        elif words := part.split():
            now = before[-1] + words[0]
        if len(paths) >= _MOST_NAMES:
            break
    return [*paths, now] if now else paths


def _ruby(text: memoryview) -> Iterator[str]:
    for match in _RUBY.finditer(text):
        yield f"./{_text(match[2])}" if match[1] is not None else _text(match[2])


def _text(found: bytes | memoryview) -> str:
    return bytes(found).decode("utf-8", "replace").strip()


_FINDERS: dict[str, Callable[[memoryview], Iterator[str]]] = {
    "python": _python,
    "java": _java,
    "c": _c,
    "csharp": _csharp,
    "javascript": _javascript,
    "go": _go,
    "rust": _rust,
    "ruby": _ruby,
}
