// While the run is at work, asks how far it is; when it has ended, loads the page anew.
"use strict";
const state = document.getElementById("state");
const rows = new Map([...document.querySelectorAll("#phases tr[data-key]")].map((row) => [row.dataset.key, row]));
const number = (value) => value.toLocaleString("en");
function seconds(value) {
  if (value < 60) return `${Math.round(value)} s`;
  return value < 3600 ? `${Math.floor(value / 60)}m${Math.round(value % 60)}s` : `${(value / 3600).toFixed(1)} h`;
}
function show(phase) {
  const row = rows.get(phase.name);
  if (!row) return location.reload();
  const cells = row.cells;
  cells[1].firstElementChild.value = phase.share;
  cells[2].textContent = phase.tasks === null ? number(phase.done) : `${number(phase.done)} of ${number(phase.tasks)}`;
  cells[3].textContent = phase.documents ? number(phase.documents) : "";
  cells[4].textContent = phase.bytes_per_second ? `${(phase.bytes_per_second / 1e6).toFixed(1)} MB/s` : "";
  cells[5].textContent = phase.seconds ? seconds(phase.seconds) : "";
  cells[6].textContent = phase.seconds_left === null ? "" : seconds(phase.seconds_left);
}
async function renew() {
  if (document.hidden) return;
  const answer = await fetch("progress.json");
  if (!answer.ok) return;
  const progress = await answer.json();
  if (!["running", "quiet"].includes(progress.state)) return location.reload();
  state.textContent = progress.state;
  state.className = "state " + progress.state;
  progress.phases.forEach(show);
  const sums = ["failures", "retries", "quarantined"].map((name) => `${name} ${number(progress[name])}`);
  document.getElementById("troubles").textContent = sums.join(", ");
}
if (["running", "quiet"].includes(state.textContent)) setInterval(() => renew().catch(() => {}), 2000);
