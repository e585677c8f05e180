// A threshold that moves: dragged on the histogram, by the slider's keys or as a number. The server says what would
// change; while it works only the newest number waits. Texts are set as text, never as markup.
"use strict";
const root = document.getElementById("threshold");
const { setting, asks, was } = root.dataset;
const [chart, slider, number, box, log, mistake] = ["chart", "slider", "number", "answer", "log", "mistake"].map((id) =>
  document.getElementById(id),
);
const WIDTH = 960, HEIGHT = 260, LEFT = 8, RIGHT = 952, TOP = 12, BOTTOM = 228;
const isLeast = asks === "at least" || asks === "above";
let histogram = null, value = root.dataset.value === "" ? null : Number(root.dataset.value);
let asking = false, waiting = null;

const figure = (n) => (Number.isInteger(n) ? n.toLocaleString("en") : Number(n.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 }));
function make(tag, attributes = {}, ...parts) {
  const svg = ["rect", "line", "text", "circle", "g"].includes(tag);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, given] of Object.entries(attributes)) node.setAttribute(name, given);
  node.append(...parts);
  return node;
}

// bins are equally wide on the screen, whatever the scale
const bins = () => histogram.edges.length - 1;
function place(of) {
  const { edges } = histogram;
  if (of <= edges[0]) return 0;
  for (let bin = 0; bin < bins(); bin++)
    if (of < edges[bin + 1]) return (bin + (of - edges[bin]) / (edges[bin + 1] - edges[bin])) / bins();
  return 1;
}
function valueAt(share) {
  const { edges } = histogram;
  const at = Math.min(Math.max(share, 0), 1) * bins(), bin = Math.min(Math.floor(at), bins() - 1);
  const exact = edges[bin] + (at - bin) * (edges[bin + 1] - edges[bin]);
  return histogram.whole_numbers ? Math.round(exact) : Number(exact.toPrecision(3));
}
const x = (share) => LEFT + share * (RIGHT - LEFT);

function draw() {
  const height = (n) => (log.checked ? Math.log1p(n) : n);
  const sums = histogram.kept.map((kept, bin) => kept + histogram.dropped[bin]);
  const most = Math.max(...sums.map(height)), parts = [];
  const wide = (RIGHT - LEFT) / bins();
  sums.forEach((sum, bin) => {
    if (!sum) return;
    const whole = Math.max(1.5, (height(sum) / most) * (BOTTOM - TOP)), kept = (whole * histogram.kept[bin]) / sum;
    const left = LEFT + bin * wide + 0.5, width = Math.max(0.5, wide - 1);
    const range = `${figure(histogram.edges[bin])} to ${figure(histogram.edges[bin + 1])}`;
    const column = make("g");
    const said = document.createElementNS("http://www.w3.org/2000/svg", "title");
    said.textContent = `${range}: ${figure(histogram.kept[bin])} kept, ${figure(histogram.dropped[bin])} dropped`;
    column.append(
      said,
      make("rect", { class: "bar", x: left, width, y: BOTTOM - kept, height: kept }),
      make("rect", { class: "bar out", x: left, width, y: BOTTOM - whole, height: whole - kept }),
    );
    parts.push(column);
  });
  const marks = Math.min(6, bins());
  for (let mark = 0; mark <= marks; mark++) {
    const bin = Math.round((mark * bins()) / marks);
    const anchor = mark === 0 ? "start" : mark === marks ? "end" : "middle";
    parts.push(make("text", { class: "axis", x: LEFT + bin * wide, y: BOTTOM + 16, "text-anchor": anchor }, figure(histogram.edges[bin])));
  }
  if (was !== "") {
    const at = x(place(Number(was)));
    parts.push(make("line", { class: "was", x1: at, x2: at, y1: TOP, y2: BOTTOM }));
  }
  if (value !== null) {
    const at = x(place(value));
    const shade = isLeast ? { x: LEFT, width: at - LEFT } : { x: at, width: RIGHT - at };
    parts.push(make("rect", { class: "shade", y: TOP, height: BOTTOM - TOP, ...shade }));
    parts.push(make("line", { class: "line", x1: at, x2: at, y1: TOP - 6, y2: BOTTOM }));
    parts.push(make("circle", { class: "grip", cx: at, cy: TOP, r: 9 }));
  }
  chart.replaceChildren(...parts);
}

function move(to) {
  value = to;
  slider.value = Math.round(place(value) * 1000);
  number.value = String(value);
  draw();
  ask(value);
}

async function ask(wanted) {
  if (asking) { waiting = wanted; return; }
  asking = true;
  box.classList.add("asking");
  try {
    const query = new URLSearchParams({ setting, value: wanted });
    const answer = await fetch(`whatif.json?${query}`), found = await answer.json();
    mistake.hidden = answer.ok;
    mistake.textContent = answer.ok ? "" : found.error;
    if (answer.ok && waiting === null) {
      show(found);
      history.replaceState(null, "", `thresholds?${query}`);
    }
  } catch (error) {
    mistake.hidden = false;
    mistake.textContent = "the server doesn't answer: is `dspipe serve` still at work?";
  }
  asking = false;
  if (waiting !== null) { const next = waiting; waiting = null; ask(next); } else box.classList.remove("asking");
}

const signed = (n) => (n > 0 ? "+" : n < 0 ? "−" : "±") + figure(Math.abs(n));
function tile(name, before, after) {
  return make("div", { class: "tile" }, make("b", {}, figure(after)), make("span", {}, `${name}, ${signed(after - before)}`));
}
function table(id, heads, rows, more) {
  if (!rows.length) return "";
  const cells = (row, tag) => row.map((cell) => make(tag, typeof cell === "number" ? { class: "number" } : {}, typeof cell === "number" ? figure(cell) : cell));
  const body = make("table", { id }, make("tr", {}, ...heads.map((head, at) => make("th", typeof rows[0][at] === "number" ? { class: "number" } : {}, head))));
  body.append(...rows.map((row) => make("tr", {}, ...cells(row, "td"))));
  return make("div", { class: "wide" }, body, more ? make("p", { class: "soft small" }, `and ${figure(more)} more`) : "");
}
const verdict = (reason) => reason ?? "kept";
function sample(one) {
  const link = make("a", { href: `${root.dataset.document}?at=${one.shard}.${one.row}` }, one.id);
  const held = one.held.map((h) => `${h.column} ${typeof h.value === "number" ? figure(h.value) : h.value}: ${h.asks_before ?? "no limit"} → ${h.asks_after ?? "no limit"}`);
  const meta = [`${verdict(one.reason_before)} → ${verdict(one.reason_after)}${one.unsure ? ", perhaps" : ""}`, one.url, one.domain, one.language, ...held];
  const lines = meta.filter(Boolean).map((said) => make("span", {}, said));
  return make("article", { class: "card" }, make("h3", {}, link), make("div", { class: "meta" }, ...lines), make("div", { class: "text" }, one.text));
}
function show(found) {
  const names = ["documents kept", "bytes", "tokens"], tiles = make("div", { class: "tiles", id: "tiles" });
  names.forEach((name, at) => {
    if (at < 2 || found.kept_before[at] || found.kept_after[at]) tiles.append(tile(name, found.kept_before[at], found.kept_after[at]));
  });
  tiles.append(make("div", { class: "tile" }, make("b", { id: "changed" }, figure(found.changed[0])), make("span", {}, "verdicts change")));
  const parts = [tiles];
  if (found.kept_least[0] !== found.kept_most[0])
    parts.push(make("p", { class: "note" }, `From columns alone it is between ${figure(found.kept_least[0])} and ${figure(found.kept_most[0])} documents kept.`));
  if (found.remarks.length)
    parts.push(make("details", { class: "small" }, make("summary", {}, "what isn't exact, and why"), make("ul", {}, ...found.remarks.map((said) => make("li", {}, said)))));
  const flows = found.flows.map((flow) => [verdict(flow.reason_before), verdict(flow.reason_after), ...flow.counts]);
  const groups = found.groups.map((group) => [group.domain ?? "", group.language ?? "", group.newly_kept[0], group.newly_dropped[0], group.other_reason]);
  if (flows.length) parts.push(make("h2", {}, "Verdicts that change"));
  parts.push(table("flows", ["before", "after", "documents", "bytes", "tokens"], flows, found.more_flows));
  if (groups.length) parts.push(make("h2", {}, "By domain and language"));
  parts.push(table("groups", ["domain", "language", "newly kept", "newly dropped", "other reason"], groups, found.more_groups));
  const kept = found.samples.filter((one) => one.reason_after === null), gone = found.samples.filter((one) => one.reason_after !== null);
  for (const [title, chosen] of [["Newly kept", kept], ["Newly dropped", gone]])
    if (chosen.length) parts.push(make("h2", {}, title), ...chosen.map(sample));
  if (!found.changed[0]) parts.push(make("p", { class: "soft", id: "nothing" }, "Nothing changes."));
  box.replaceChildren(...parts);
}

function follow(event) {
  const outline = chart.getBoundingClientRect();
  const at = ((event.clientX - outline.left) / outline.width) * WIDTH;
  move(valueAt((at - LEFT) / (RIGHT - LEFT)));
}
chart.addEventListener("pointerdown", (event) => {
  if (!histogram) return;
  chart.setPointerCapture(event.pointerId);
  follow(event);
});
chart.addEventListener("pointermove", (event) => { if (histogram && chart.hasPointerCapture(event.pointerId)) follow(event); });
slider.addEventListener("input", () => { if (histogram) move(valueAt(slider.value / 1000)); });
log.addEventListener("change", () => { if (histogram) draw(); });
document.getElementById("back").addEventListener("click", () => { if (histogram && was !== "") move(Number(was)); });
document.getElementById("exact").addEventListener("submit", (event) => {
  event.preventDefault();
  if (histogram && number.value.trim() !== "" && Number.isFinite(Number(number.value))) move(Number(number.value));
});

try {
  const answer = await fetch(`histogram.json?${new URLSearchParams({ setting })}`), found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  histogram = found;
  move(value ?? valueAt(isLeast ? 0 : 1));
} catch (error) {
  mistake.hidden = false;
  mistake.textContent = error.message;
  box.replaceChildren();
}
