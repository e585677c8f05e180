"""What a run has made, where it is, and what to do with it: what `dspipe run` ends with."""

import shlex

from dspipe.pipeline.quantities import human_bytes
from dspipe.pipeline.run.cleanup import product_sets
from dspipe.pipeline.run.run_file import RunFile
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
    return [f"{store.root}: done, {how}", *_products(run, store), "Next:", *_commands(output)]


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


def _commands(output: str) -> list[str]:
    place = shlex.quote(output)
    commands = {
        f"dspipe stats {place}": "all tables; --html FILE writes a page",
        f"dspipe explain {place} ID": "one document's way, by its id or URL",
        f"dspipe sample {place}": "some documents; --dropped-by REASON shows what a rule drops",
        f"dspipe serve {place}": "all of it in a browser",
        f"dspipe verify {place}": "reads every file again",
    }
    longest = max(map(len, commands))
    return [f"  {command:{longest}}  {what}" for command, what in commands.items()]
