// Asks how far the runs are while the page is looked at; a run that has come or gone reloads the list.
"use strict";
const rows = new Map([...document.querySelectorAll("#runs tr[data-key]")].map((row) => [row.dataset.key, row]));
async function renew() {
  if (document.hidden) return;
  const answer = await fetch("/runs.json");
  if (!answer.ok) return;
  const { runs } = await answer.json();
  if (runs.length !== rows.size || runs.some((run) => !rows.has(run.key))) return location.reload();
  for (const run of runs) {
    const cells = rows.get(run.key).cells;
    const state = cells[1].firstElementChild;
    state.textContent = run.state;
    state.className = "state " + run.state;
    if (run.problem || !cells[2].firstElementChild) continue;
    cells[2].firstElementChild.value = run.share;
    cells[2].lastElementChild.textContent = `${run.done} of ${run.phases}`;
    cells[3].textContent = run.now;
    [run.read, run.kept, run.quarantined].forEach((count, at) => {
      cells[4 + at].textContent = count === null ? "" : count.toLocaleString("en");
    });
  }
}
setInterval(() => renew().catch(() => {}), 3000);
