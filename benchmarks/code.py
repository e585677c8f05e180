"""Source code: how quick the file rules, imports and orders of repositories are, on the packages of this Python.

    python -m benchmarks.code [--packages numpy rich pip pyarrow]

Each package is a repository. `rules` and `imports` are what the stages `code` and `repositories` measure in the text
pass, `syntax` is what `parse: [python]` adds, `order` is what a partition does: finding what imports mean, and
Algorithm 1.
"""

import sysconfig
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.common import Measure, Result, bare_parser, report
from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.text.file_statistics import file_statistics
from dspipe.stages.code.parse import python_error
from dspipe.stages.repositories.order import in_order_of_imports
from dspipe.stages.repositories.references import references_of
from dspipe.stages.repositories.resolve import RepositoryFiles, ending_of

SOURCES = {"py", "pyi", "pyx", "pxd", "h", "hpp", "c", "cc", "cpp", "js", "html", "json", "yaml"}


def main() -> None:
    """Run the benchmark from the command line."""
    options = bare_parser(__doc__ or "")
    options.add_argument("--packages", nargs="+", default=["numpy", "rich", "pip", "pyarrow"])
    options.add_argument("--repeat", type=int, default=3)
    given = options.parse_args()
    files: list[tuple[str, str, str]] = []
    for package in given.packages:
        root = Path(sysconfig.get_path("purelib")) / package
        paths = (path for path in sorted(root.rglob("*")) if path.is_file() and ending_of(path.name) in SOURCES)
        files += [(package, str(path.relative_to(root)), path.read_text("utf-8", errors="replace")) for path in paths]
    texts = pa.array([text for _, _, text in files], pa.large_string())
    endings = [ending_of(path) for _, path, _ in files]
    html = np.array([ending == "html" for ending in endings])
    python = [text for (_, path, text), ending in zip(files, endings, strict=True) if ending == "py"]
    found = references_of(texts, pa.array(endings)).to_pylist()
    rows = {package: [n for n, file in enumerate(files) if file[0] == package] for package in given.packages}

    def order() -> int:
        pairs = 0
        for package, numbers in rows.items():
            paths, references = [files[n][1] for n in numbers], [found[n] or () for n in numbers]
            imports = list(RepositoryFiles(package, paths, references).imports())
            pairs += len(imports)
            in_order_of_imports(len(numbers), imports)
        return pairs

    bytes_of = sum(len(text.encode()) for _, _, text in files)
    result: Result = {}
    measure = Measure(given.repeat)
    data, offsets = text_buffers(texts)
    file_statistics(data, offsets[:2], html[:1])
    for name, size, work in (
        ("rules", bytes_of, lambda: file_statistics(data, offsets, html)),
        ("imports", bytes_of, lambda: references_of(texts, pa.array(endings))),
        ("syntax", sum(len(text.encode()) for text in python), lambda: [python_error(text) for text in python]),
        ("order", bytes_of, order),
    ):
        answer = measure(work)
        pairs = answer if name == "order" else None
        result[name] = {"files": len(files), "mb": size / 1e6, "cpu_s": measure.cpu_s, "pairs": pairs}
        result[name]["mb_s"] = size / 1e6 / measure.cpu_s
    report(given, result, ["files", "mb", "cpu_s", "mb_s", "pairs"], "source code")


if __name__ == "__main__":
    main()
