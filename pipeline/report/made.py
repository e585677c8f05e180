"""What a run has made, where it is, and what to do with it: what `dspipe run` ends with."""

import shlex
from pathlib import Path

from dspipe.pipeline.quantities import human_bytes
from dspipe.pipeline.run.cleanup import product_sets
from dspipe.pipeline.run.run_file import PAGE_FILE, RunFile
from dspipe.pipeline.run.whole import page_is_newest
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.spec import PRODUCTS


def made_lines(run: RunFile, store: Store, output: str, tasks_run: int) -> list[str]:
    """What this call has run and what was done before, the products, and a few commands."""
    tasks = sum(phase.tasks for phase in run.phases)
    if not tasks_run:
        how = f"nothing to do, all {tasks:,} tasks were done before"
    elif tasks_run < tasks:
        how = f"{tasks_run:,} tasks run, {tasks - tasks_run:,} done before"
    else:
        how = f"{tasks:,} tasks run"
    has_page = page_is_newest(store, unsure=True)
    return [
        f"{store.root}: done, {how}",
        *_products(run, store),
        *(_page(store) if has_page else []),
        "Next:",
        *_commands(run, output, has_page),
    ]


def _products(run: RunFile, store: Store) -> list[str]:
    current = {file for files in run.artifacts.values() for file in files if file.startswith(f"{PRODUCTS}/")}
    if not current:
        return []
    sizes = store.sizes(PRODUCTS)
    size = human_bytes(sum(sizes.get(file.partition("/")[2], 0) for file in current))
    lines = [
        f"Packed shards: {store.root}/{PRODUCTS}, {len(current):,} files, {size}, listed in {store.root}/index.json"
    ]
    earlier = [products.listing for products in product_sets(store) if not products.files <= current]
    if earlier:
        names = ", ".join(earlier)
        lines.append(f"Earlier results are kept there too: {names}; `dspipe run --replace` removes them")
    return lines


def _page(store: Store) -> list[str]:
    path = store.path(PAGE_FILE)
    return [f"Page: {Path(path).as_uri() if store.local else path}"]


def _commands(run: RunFile, output: str, has_page: bool) -> list[str]:
    place = shlex.quote(output)
    *before, last = [stage.dropped for stage in run.funnel() if stage.dropped] or [{}]
    dropped = {reason: counts.documents for reasons in before or [last] for reason, counts in reasons.items()}
    commonest = shlex.quote(max(dropped, key=dropped.__getitem__, default="REASON"))
    commands = {
        f"dspipe sample {place} --dropped-by {commonest}": "documents that a rule drops, with what counts against them",
        f"dspipe explain {place} ID": "one document's way, by its id or URL",
        f"dspipe serve {place}": "all of it in a browser, with thresholds that move",
    }
    if not has_page:
        commands[f"dspipe stats {place} --html FILE"] = "one page with plots; without --html all tables"
    longest = max(map(len, commands))
    return [f"  {command:{longest}}  {what}" for command, what in commands.items()]
