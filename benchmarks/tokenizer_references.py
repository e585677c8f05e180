"""Encoding with published tokenizers, against `tokenizers`: MB per CPU second on one thread, and whether the ids are
the same.

    python -m benchmarks.tokenizer_references --input A.jsonl.zst --tokenizer llama3/tokenizer.json qwen3/tokenizer.json

A row is named by the folder of its file. Both read every text as plain text, so special tokens written out in it are
none. `cold` and `warm` are as in benchmarks.tokenizer_encode; `own` and `hf` are dspipe and `tokenizers`.
"""

from pathlib import Path

from benchmarks.common import Result, contest, parser, report

COLUMNS = ("own_cold_mb_s", "own_warm_mb_s", "hf_mb_s", "cold_ratio", "warm_ratio", "identical", "tokens", "engine")


def compare(tokenizer: str, own: Result, hf: Result) -> Result:
    """One row of the table."""
    row = {"tokenizer": tokenizer, "engine": own["engine"], "tokens": own["tokens"]}
    row |= {"own_cold_mb_s": own["cold_mb_s"], "own_warm_mb_s": own["warm_mb_s"], "hf_mb_s": hf["warm_mb_s"]}
    row |= {f"{which}_ratio": own[f"{which}_mb_s"] / hf[f"{which}_mb_s"] for which in ("cold", "warm")}
    return {**row, "identical": own["ids_sha256"] == hf["ids_sha256"]}


def main() -> None:
    """Compare, and print; ends with an error where any id differs."""
    options = parser(__doc__ or "")
    options.add_argument("--tokenizer", nargs="+", required=True, metavar="FILE", help="tokenizer.json files")
    chosen = options.parse_args()
    result: Result = {}
    for tokenizer in chosen.tokenizer:
        settings = {"mb": chosen.mb, "tokenizer": str(Path(tokenizer).resolve())}
        own = contest("benchmarks.tokenizer_encode:dspipe", chosen, **settings)
        hf = contest("benchmarks.tokenizer_encode:hf", chosen, chosen.peer_python, **settings)
        result[Path(tokenizer).resolve().parent.name] = compare(tokenizer, own, hf)
    report(chosen, result, COLUMNS, "Published tokenizers")
    if wrong := [name for name, row in result.items() if not row["identical"]]:
        raise SystemExit(f"other ids than the library's: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
