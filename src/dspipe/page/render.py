"""The page as HTML: one file, with its style, its script and the library that plots inlined.

Nothing that a document says becomes markup or code: templates escape every value, data for the script stands in a
`<script type="application/json">` without `<`, `>` and `&`, and the page's own policy lets nothing run but the two
scripts that are inlined, by their hashes, and nothing be loaded.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from dspipe.page.escaping_templates import escaping_templates
from dspipe.page.gather import Contents, gather
from dspipe.page.reasons import SHOWN as REASONS_SHOWN
from dspipe.pipeline.inspection import anomalies
from dspipe.pipeline.report.stats import sections, state
from dspipe.pipeline.report.tables import Table
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.threshold import Threshold
from dspipe.pipeline.visible_text import visible_line

HERE = Path(__file__).parent
_LINES = 4
"""thresholds of single groups that are drawn into a histogram; more of them are told beneath it"""


def html_page(store: Store, run: RunFile, seed: int = 0, import_own: bool = False) -> str:
    """The page of a run; `seed` and `import_own` as in `gather`."""
    return render(run, gather(store, run, seed, import_own))


def render(run: RunFile, contents: Contents) -> str:
    """The page of a run of which everything is gathered."""
    library, script = _static("echarts.min.js"), _static("page.js")
    return (
        _environment()
        .get_template("page.html")
        .render(
            run=run,
            state=state(run),
            contents=contents,
            far=anomalies,
            reasons_shown=REASONS_SHOWN,
            sections=sections(run),
            style=Markup(_static("page.css")),
            script=Markup(script),
            library=Markup(packed(library)),
            policy=_policy([library, script]),
            data=Markup(script_json(_plotted(contents))),
        )
    )


def script_json(value: Any) -> str:
    """JSON that may stand within `<script>`: without what ends or begins markup there, and with controls written out
    in every string, which a script shows as it is."""
    text = json.dumps(_visible(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def packed(script: str) -> str:
    """A script, compressed, as base64: the library is a third of its size so, and browsers unpack it."""
    return base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode()


def _policy(scripts: list[str]) -> str:
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {allowed}"


def _plotted(contents: Contents) -> dict[str, Any]:
    """What the script plots."""
    return {
        "flow": contents.flow and contents.flow.as_json(),
        "histograms": [
            {
                **{name: getattr(one, name) for name in ("column", "scale", "edges", "kept", "dropped")},
                "lines": _threshold_lines(contents.thresholds.get(one.column, ())),
            }
            for one in contents.histograms
        ],
        "dumps": [
            {"round": one.name, "rows": [[row.dump, row.share, row.share_so_far] for row in one.by_dump]}
            for one in contents.rounds
        ],
    }


def _threshold_lines(thresholds: Any) -> list[dict[str, Any]]:
    """The numbers to draw: that for all, and those of a few groups; of many groups none."""
    drawn = []
    for threshold in thresholds:
        if threshold.value is not None:
            drawn.append({"at": threshold.value, "says": threshold.in_words(threshold.value)})
        own = {group: number for group, number in threshold.values.items() if number is not None}
        if len(own) <= _LINES:
            drawn += [{"at": number, "says": f"{group}: {threshold.in_words(number)}"} for group, number in own.items()]
    return drawn


def _threshold_words(threshold: Threshold) -> str:
    """`at least 50 (de 40, zh 30)`, or of groups alone `at least: en 0.5`"""
    own = [f"{group} {number:g}" for group, number in threshold.values.items() if number is not None]
    more = f", and {len(own) - 8} more" if len(own) > 8 else ""
    groups = f"{', '.join(own[:8])}{more}"
    if threshold.value is None:
        return f"{threshold.asks}: {groups}"
    return f"{threshold.in_words(threshold.value)}{f' ({groups})' if own else ''}"


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return visible_line(value)
    if isinstance(value, Mapping):
        return {visible_line(str(name)): _visible(item) for name, item in value.items()}
    return [_visible(item) for item in value] if isinstance(value, list | tuple) else value


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    if value == 0 or 0.001 <= abs(value) < 10_000:
        return f"{value:,.4g}"
    return f"{value:,.0f}" if 10_000 <= abs(value) < 1e15 else f"{value:.2e}"


@cache
def _static(name: str) -> str:
    return (HERE / "static" / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    made = escaping_templates(HERE / "templates")
    made.globals["threshold_words"] = _threshold_words
    made.filters["number"] = _number
    made.tests |= {"table": lambda item: isinstance(item, Table)}
    return made
