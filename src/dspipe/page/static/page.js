"use strict";
// Plots, of the data in #data. Everything stands in tables too, so that the page says as much without them.
const data = JSON.parse(document.getElementById("data").textContent);
const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const narrow = () => innerWidth < 640;
const whole = new Intl.NumberFormat("en");
const SIZES = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

function short(value, unit) {
  const size = SIZES.find(([least]) => Math.abs(value) >= least);
  const text = size ? `${+(value / size[0]).toPrecision(3)}${unit === "bytes" ? " " : ""}${size[1]}` : `${+value.toPrecision(3)}`;
  return unit === "bytes" ? `${text}${size ? "" : " "}B` : text;
}

// tooltips are elements with text, never HTML made of strings
function tip(...lines) {
  const box = document.createElement("div");
  for (const line of lines) box.appendChild(document.createElement("div")).textContent = line;
  return box;
}

function plot(element, option) {
  const chart = echarts.init(element, null, { renderer: "svg" });
  chart.setOption({
    animation: !reduced, animationDuration: 250, textStyle: { fontFamily: "system-ui, sans-serif", color: color("ink") },
    tooltip: { confine: true, backgroundColor: color("raised"), borderColor: color("line"),
               textStyle: { color: color("ink"), fontSize: 13 } },
    ...option(),
  });
  element.redraw = () => { chart.dispose(); plot(element, option); };
  return chart;
}

const UNITS = { documents: 0, bytes: 1, tokens: 2 };
let unit = "documents";

const amount = (value) => unit === "documents" && value < 1e6 ? whole.format(value) : short(value, unit);

function flow() {
  const at = UNITS[unit], nodes = [], links = [], vertical = narrow();
  const node = (id, label, value, tone) => {
    const formatter = vertical || tone === "kept" ? `${label}\n${amount(value)}` : `${amount(value)}  ${label}`;
    nodes.push({ name: id, value, label: { formatter }, says: label, itemStyle: { color: color(tone) } });
    return id;
  };
  let from = node("read", "read", data.flow.read[at], "kept");
  data.flow.stages.forEach((stage, i) => {
    // on a narrow screen there is room for one branch a stage
    const branches = vertical && stage.branches.length ? [["dropped", stage.dropped]] : stage.branches;
    branches.forEach(([reason, counts], j) => {
      if (!counts[at]) return;
      const label = reason.startsWith(`${stage.stage}.`) ? reason.slice(stage.stage.length + 1) : reason;
      const to = node(`${i}.${j}`, label, counts[at], "dropped");
      links.push({ source: from, target: to, value: counts[at], lineStyle: { color: color("dropped") } });
    });
    if (!stage.kept[at]) return;
    const to = node(`${i}`, stage.stage, stage.kept[at], "kept");
    links.push({ source: from, target: to, value: stage.kept[at], lineStyle: { color: color("kept") } });
    from = to;
  });
  const all = data.flow.read[at] || 1;
  return {
    tooltip: { confine: true, backgroundColor: color("raised"), borderColor: color("line"), textStyle: { color: color("ink") },
      formatter: (p) => p.dataType === "node"
        ? tip(p.data.says, `${whole.format(p.value)} ${unit}, ${(100 * p.value / all).toFixed(1)} %`)
        : tip(`${nodes.find((n) => n.name === p.data.target).says}: ${whole.format(p.data.value)} ${unit}`) },
    series: [{
      type: "sankey", data: nodes, links, orient: vertical ? "vertical" : "horizontal", nodeAlign: "left", draggable: false,
      nodeWidth: 12, nodeGap: vertical ? 40 : 20, layoutIterations: 0, left: vertical ? 24 : 4, right: vertical ? 30 : 150, top: 12, bottom: vertical ? 50 : 28,
      label: { color: color("ink"), fontSize: 12, lineHeight: 15, position: vertical ? "bottom" : "right", overflow: "truncate",
               width: vertical ? 92 : 150 },
      lineStyle: { opacity: 0.35, curveness: 0.5 }, emphasis: { disabled: true },
    }],
  };
}

// A bin is one step of the axis whatever its width, so one axis does for whole numbers, fractions and logarithms.
function placeOf(edges, scale, value) {
  const last = edges.length - 1;
  if (value <= edges[0]) return 0;
  if (value >= edges[last]) return last;
  const i = edges.findIndex((edge) => edge > value) - 1, low = edges[i], high = edges[i + 1];
  const part = scale === "log" && low > 0 ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return i + part;
}

const shownNumber = (value) => Math.abs(value) >= 1e4 ? short(value) : `${+value.toPrecision(3)}`;
let counts = "fitting";

function histogram(one) {
  const bins = one.kept.length, all = one.kept.map((n, i) => n + one.dropped[i]);
  const highest = Math.max(...all), sum = all.reduce((a, b) => a + b, 0);
  const logarithmic = counts === "logarithmic" || (counts === "fitting" && highest > 0.5 * sum);
  const steps = (values) => [...values, values[bins - 1]].map((n, i) => [i, logarithmic && n === 0 ? null : n]);
  const series = (name, values, tone, z) => ({
    name, type: "line", step: "end", symbol: "none", z, data: steps(values), connectNulls: false, silent: true,
    lineStyle: { width: 1, color: color(tone) }, areaStyle: { color: color(tone), opacity: 0.85, origin: "start" },
  });
  const marks = one.lines.map((line) => {
    const at = placeOf(one.edges, one.scale, line.at), beyond = line.at > one.edges[bins] ? " →" : line.at < one.edges[0] ? " ←" : "";
    const align = at > 0.75 * bins ? "right" : at < 0.25 * bins ? "left" : "center";
    return { xAxis: at, label: { align, formatter: () => line.says + beyond } };
  });
  return {
    grid: { left: 44, right: 12, top: marks.length ? 22 : 8, bottom: 22 },
    tooltip: { trigger: "axis", confine: true, backgroundColor: color("raised"), borderColor: color("line"),
      textStyle: { color: color("ink"), fontSize: 13 }, axisPointer: { type: "line", snap: true, label: { show: false } },
      formatter: (points) => {
        const i = Math.min(points[0].dataIndex, bins - 1);
        return tip(`${shownNumber(one.edges[i])} to ${shownNumber(one.edges[i + 1])}`,
                   `${whole.format(one.kept[i])} kept`, `${whole.format(one.dropped[i])} dropped`);
      } },
    xAxis: { type: "value", min: 0, max: bins, interval: Math.max(1, Math.round(bins / 5)), splitLine: { show: false },
      axisLine: { lineStyle: { color: color("line") } }, axisTick: { show: false },
      axisLabel: { color: color("soft"), fontSize: 11, showMaxLabel: false,
                   formatter: (i) => one.edges[i] === undefined ? "" : shownNumber(one.edges[i]) } },
    yAxis: { type: logarithmic ? "log" : "value", min: logarithmic ? 0.5 : 0, splitNumber: 3,
      axisLabel: { color: color("soft"), fontSize: 11, formatter: (n) => n < 1 && n > 0 ? "" : short(n) },
      splitLine: { lineStyle: { color: color("line"), opacity: 0.6 } } },
    series: [
      { ...series("all", all, "kept", 1),
        markLine: { silent: true, symbol: "none", animation: false, data: marks,
          lineStyle: { color: color("ink"), type: "dashed", width: 1.2 },
          label: { color: color("ink"), fontSize: 11, position: "end", distance: 3 } } },
      series("dropped", one.dropped, "dropped", 2),
    ],
  };
}

function dumps(one) {
  const percent = (x) => `${(100 * x).toFixed(1)} %`;
  return {
    grid: { left: 52, right: 16, top: 14, bottom: 30 },
    tooltip: { trigger: "axis", confine: true, backgroundColor: color("raised"), borderColor: color("line"),
      textStyle: { color: color("ink"), fontSize: 13 },
      formatter: (points) => {
        const i = points[0].dataIndex, row = one.rows[i];
        return tip(row[0], `${percent(row[1])} of it removed`, `${percent(row[2])} of the ${i + 1} dumps up to it`);
      } },
    xAxis: { type: "category", data: one.rows.map((row, i) => i + 1), axisLabel: { color: color("soft") },
             axisLine: { lineStyle: { color: color("line") } } },
    yAxis: { type: "value", min: 0, axisLabel: { color: color("soft"), formatter: (x) => `${+(100 * x).toPrecision(3)} %` },
             splitLine: { lineStyle: { color: color("line"), opacity: 0.6 } } },
    series: [{ type: "bar", data: one.rows.map((row) => row[1]), itemStyle: { color: color("kept") }, barMaxWidth: 36 },
             { type: "line", data: one.rows.map((row) => row[2]), symbolSize: 6, lineStyle: { color: color("dropped"), width: 2 },
               itemStyle: { color: color("dropped") } }],
  };
}

function press(group, choose) {
  for (const button of document.querySelectorAll(`[data-switch=${group}] button`)) {
    button.addEventListener("click", () => {
      for (const other of button.parentNode.children) other.setAttribute("aria-pressed", other === button);
      choose(button.dataset.choice);
    });
  }
}

function start() {
  document.documentElement.classList.add("js");
  const drawn = [];
  const draw = (element, option) => { plot(element, option); drawn.push(element); };
  const waiting = new Map();
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((e) => e.isIntersecting && waiting.has(e.target))) {
      draw(entry.target, waiting.get(entry.target));
      waiting.delete(entry.target);
      observer.unobserve(entry.target);
    }
  }, { rootMargin: "400px" });
  const later = (element, option) => { waiting.set(element, option); observer.observe(element); };
  const flowing = document.getElementById("flow");
  if (flowing && data.flow) later(flowing, flow);
  for (const element of document.querySelectorAll(".plot[data-histogram]")) later(element, () => histogram(data.histograms[+element.dataset.histogram]));
  for (const element of document.querySelectorAll(".plot[data-dumps]")) later(element, () => dumps(data.dumps[+element.dataset.dumps]));
  const redraw = () => drawn.forEach((element) => element.redraw());
  press("unit", (choice) => { unit = choice; if (flowing.redraw) flowing.redraw(); });
  press("counts", (choice) => { counts = choice; redraw(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  let width = innerWidth, timer;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; clearTimeout(timer); timer = setTimeout(redraw, 150); } });
  addEventListener("beforeprint", () => { for (const [element, option] of waiting) draw(element, option); waiting.clear(); });
}

// The library stands compressed on the page. A browser that can't unpack it shows the tables.
async function unpack() {
  const bytes = Uint8Array.from(atob(document.getElementById("library").textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
}

unpack().then(start);
