"""Memory: a worker needs a small multiple of its longest document, and no more for many short ones."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STAGES = ("unicode", "lines", "pii", "language", "heuristics", "exact_dedup", "minhash")
LONG, MANY = 50_000_000, 100_000
RUN = """
import json, sys
from tests.engine import run_inline

def peak():
    (line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024

peaks = []
for path in sys.argv[1:]:
    source = {"name": "s", "format": path.rsplit(".")[-1], "path": path}
    run_inline({"output": path + ".run", "sources": [source | {"max_document_bytes": "1GB"}], "stages": STAGES})
    peaks.append(peak())
print(json.dumps(peaks))
"""


def prose(size: int) -> str:
    """Text of `size` bytes and a little more, with something for every stage to do."""
    words = ["the", "of", "and", "to", "in", "is", "that", "for", "it", "was", "on", "are", "as", "with", "they"]
    extras = {10: "This page uses cookies.", 20: "Write to someone@example.com", 30: "Wie schÃ¶n!", 40: "日本語"}
    lines = []
    for at in range(5000):
        picked = [words[(at * at + 7 * k * at + k) % len(words)] for k in range(12)]
        lines.append(f"{' '.join(picked).capitalize()} number {at}. {extras.get(at % 50, '')}\n")
    block = "".join(lines)
    return block * (size // len(block.encode()) + 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_a_long_document_takes_a_few_times_its_size(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = prose(LONG)
    texts = {"few": [text[at : at + 3000] for at in range(0, 30_000, 3000)], "many": ["A few words. " * 8] * MANY}
    for name, documents in (texts | {"long": [text]}).items():
        with (tmp_path / f"{name}.jsonl").open("w") as file:
            file.writelines(json.dumps({"text": document}) + "\n" for document in documents)
    pq.write_table(pa.table({"text": pa.array([text], pa.large_string())}), tmp_path / "long.parquet")
    # each peak counts what came before: from the least to the most
    files = [str(tmp_path / name) for name in ("few.jsonl", "many.jsonl", "long.jsonl", "long.parquet")]
    script = RUN.replace("STAGES", repr([{name: {}} for name in STAGES]))
    run = subprocess.run([sys.executable, "-c", script, *files], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    few, many, long_line, long_row = json.loads(run.stdout.splitlines()[-1])
    assert many - few < 100e6  # measured: 32 MB
    # 60 MB are the heuristics' windows, whatever the document's size
    assert long_line - few < 60e6 + 4.5 * LONG  # measured: 2.9 times
    assert long_row - few < 60e6 + 4.5 * LONG  # 2.9
