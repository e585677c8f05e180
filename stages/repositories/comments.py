"""The comment that stands before each file of a repository and says its path."""

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.stages.repositories.imports import LANGUAGES

_MARKUP = ("html", "htm", "xhtml", "xml", "xsl", "xslt", "svg", "md", "markdown", "vue", "svelte")
_SLASHES = (
    *(ending for name in ("c", "csharp", "java", "javascript", "go", "rust") for ending in LANGUAGES[name]),
    "json", "jsonc", "swift", "dart", "php", "v", "sv", "zig", "proto", "glsl", "hlsl", "scss", "less", "sol", "fs",
    "fsx", "pas",
)  # fmt: skip
_SIGNS: dict[str, tuple[str, tuple[str, ...]]] = {
    "// ": ("", _SLASHES),
    "-- ": ("", ("sql", "lua", "hs", "elm", "ada", "adb", "ads", "vhd", "vhdl")),
    "; ": ("", ("lisp", "lsp", "cl", "el", "clj", "cljs", "scm", "ss", "rkt", "asm", "ini")),
    "% ": ("", ("tex", "sty", "cls", "erl", "hrl", "pl", "pro", "mat")),
    "! ": ("", ("f90", "f95", "f03", "f08")),
    "<!-- ": (" -->", _MARKUP),
    "/* ": (" */", ("css",)),
}
"""What begins and ends the comment, and the endings; of an ending that stands twice (vue, svelte) the last counts."""
_OTHERS = "# "


def path_comments(paths: pa.Array, endings: pa.Array) -> pa.Array:
    """A line of comment for each path (string), by the ending (`stages.shared.file_paths.endings_of`)."""
    begins, ends, known = [_OTHERS], [""], dict[str, int]()
    for begin, (end, of) in _SIGNS.items():
        known |= dict.fromkeys(of, len(begins))
        begins.append(begin)
        ends.append(end)
    place = pc.index_in(endings, pa.array(list(known), pa.string()))
    number = pc.fill_null(pa.array(list(known.values()), pa.int32()).take(place), 0)
    shown = pc.replace_substring_regex(paths, r"[\r\n]+", " ")
    before, behind = (pa.array(signs, pa.string()).take(number) for signs in (begins, ends))
    return pc.binary_join_element_wise(before, shown, behind, "\n", "")
