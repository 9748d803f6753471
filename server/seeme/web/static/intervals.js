// Draws the difference of an A/B test over time, with its interval and a line at no difference, from the JSON beside it.
const place = document.querySelector("[data-interval]");
const HEIGHT = 240;
const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, signDisplay: "exceptZero" });
const signed = (value) => number.format(value).replace("-", "−");
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
let plot;

const tick = (at) => (new Date(at * 1000).getHours() + new Date(at * 1000).getMinutes() === 0 ? day : clock).format(at * 1000);

function line(data, name, options) {
  return { label: name, value: (_, value) => (value == null ? "–" : signed(value) + data.unit), ...options };
}

/** The line at no difference, over the grid and under the curves. */
function zero(chart) {
  const y = Math.round(chart.valToPos(0, "y", true));
  const { left, top, width, height } = chart.bbox;
  if (y < top || y > top + height) return;
  chart.ctx.save();
  chart.ctx.strokeStyle = colour("text");
  chart.ctx.lineWidth = devicePixelRatio;
  chart.ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  chart.ctx.beginPath();
  chart.ctx.moveTo(left, y);
  chart.ctx.lineTo(left + width, y);
  chart.ctx.stroke();
  chart.ctx.restore();
}

/** One interval alone has no band: it is drawn as a line. */
function whisker(data, chart) {
  const known = [...data.low.keys()].filter((index) => data.low[index] != null);
  if (known.length !== 1) return;
  const x = Math.round(chart.valToPos(data.at[known[0]], "x", true));
  chart.ctx.save();
  chart.ctx.strokeStyle = colour("line-1");
  chart.ctx.lineWidth = 2 * devicePixelRatio;
  chart.ctx.beginPath();
  for (const value of [data.low[known[0]], data.high[known[0]]]) chart.ctx.lineTo(x, Math.round(chart.valToPos(value, "y", true)));
  chart.ctx.stroke();
  chart.ctx.restore();
}

/** Zero is always in sight; the first intervals, which are many times as wide as the last, are cut off. */
function span(data) {
  const wide = data.low.map((low, index) => (low == null ? null : data.high[index] - low));
  const last = wide.findLast((width) => width != null) ?? 0;
  const shown = [...wide.keys()].filter((index) => wide[index] != null && wide[index] <= 4 * last);
  const low = Math.min(0, ...shown.map((index) => data.low[index]));
  const high = Math.max(0, ...shown.map((index) => data.high[index]));
  const room = (high - low || 1) * 0.08;
  return [low - room, high + room];
}

function times(at) {
  // One look has no length; half an hour on both sides keeps it in the middle.
  const room = Math.max(1800, (at.at(-1) - at[0]) * 0.02);
  return [at[0] - room, at.at(-1) + room];
}

function draw() {
  const data = JSON.parse(document.getElementById("interval-data").textContent);
  const shared = { stroke: colour("muted"), grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const edge = { stroke: colour("line-1"), width: 1, points: { show: data.at.length < 4, size: 5, fill: colour("surface") } };
  const options = {
    width: Math.max(200, place.clientWidth),
    height: HEIGHT,
    series: [
      { label: "look", value: (_, at) => (at == null ? "–" : moment.format(at * 1000)) },
      line(data, "upper end", edge),
      line(data, "lower end", edge),
      line(data, "difference", { stroke: colour("line-1"), width: 2.25, points: { show: data.at.length < 40, size: 6, fill: colour("line-1") } }),
    ],
    bands: [{ series: [1, 2], fill: `color-mix(in srgb, ${colour("line-1")} 16%, transparent)` }],
    axes: [
      { ...shared, size: 28, space: 75, values: (_, at) => at.map(tick), incrs: [1, 3, 6, 12, 24, 48, 96, 168, 336, 720, 1440, 4320, 8760].map((hours) => hours * 3600) },
      { ...shared, size: 64, values: (_, all) => all.map((value) => signed(value) + (data.unit === " %" ? " %" : "")) },
    ],
    scales: { x: { time: true, range: times(data.at) }, y: { range: span(data) } },
    cursor: { drag: { x: false, y: false }, points: { size: 7 } },
    hooks: { drawAxes: [zero], draw: [(chart) => whisker(data, chart)] },
  };
  plot?.destroy();
  place.replaceChildren();
  plot = new uPlot(options, [data.at, data.high, data.low, data.difference], place);
  // Without a pointer over the chart the legend tells of the latest look; a turn later, as uPlot empties it last.
  const rest = () => setTimeout(() => plot.setLegend({ idx: data.at.length - 1 }), 50);
  plot.over.addEventListener("mouseleave", rest);
  rest();
}

if (place) {
  draw();
  new ResizeObserver(([{ contentRect }]) => plot.setSize({ width: Math.max(200, contentRect.width), height: HEIGHT })).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
