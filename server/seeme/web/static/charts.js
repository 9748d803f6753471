// Draws the charts of a model's page from the JSON beside them. Colours come from the style sheet, so dark mode follows.
const source = document.getElementById("chart-data");
const drawn = new Map();
const HEIGHT = 180;

const formats = {
  count: new Intl.NumberFormat("en", { notation: "compact" }),
  number: new Intl.NumberFormat("en", { maximumSignificantDigits: 4 }),
  percent: new Intl.NumberFormat("en", { maximumFractionDigits: 1 }),
  ms: new Intl.NumberFormat("en", { maximumSignificantDigits: 3 }),
};

function written(unit, value) {
  if (value == null) return "–";
  if (unit === "percent") return `${formats.percent.format(value)} %`;
  if (unit === "ms") return value >= 1000 ? `${formats.ms.format(value / 1000)} s` : `${formats.ms.format(value)} ms`;
  return formats[unit].format(value);
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// Days and weeks are UTC: in another zone their midnight would carry the name of the day before.
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", timeZone: "UTC" });
const localDay = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

const hourTick = (at) => (new Date(at * 1000).getHours() === 0 ? localDay : clock).format(at * 1000);

function periodName(data, index) {
  if (index == null) return "–";
  const name = data.period === "hour" ? moment.format(data.start[index] * 1000) : data.names[index];
  return data.partial && index === data.names.length - 1 ? `${name} (running)` : name;
}

/** Every so many periods, counted from the latest, so that their names don't overlap. */
function ticks(plot, start) {
  const step = Math.ceil(start.length / Math.max(2, Math.floor(plot.width / 75)));
  return start.filter((_, index) => (start.length - 1 - index) % step === 0);
}

function axes(unit, data) {
  const shared = { stroke: colour("muted"), grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const x = data.period === "hour"
    ? { values: (_, at) => at.map(hourTick), incrs: [3, 6, 12, 24].map((hours) => hours * 3600), space: 60 }
    : { values: (_, at) => at.map((seconds) => day.format(seconds * 1000)), splits: (plot) => ticks(plot, data.start) };
  return [{ ...shared, ...x, size: 28 }, { ...shared, size: 56, values: (_, at) => at.map((value) => written(unit, value)) }];
}

/** Where a value stands alone: no line runs to it, so that only a marker shows it. */
function alone(values) {
  return [...values.keys()].filter((index) => values[index] != null && values[index - 1] == null && values[index + 1] == null);
}

function markers(series) {
  // Lines with room have a marker at each value anyway; null asks for these.
  const filter = (_, __, all) => (all ? null : alone(series.values));
  return { size: 5, fill: colour("surface"), filter };
}

function line(chart, series) {
  const stroke = colour(series.colour);
  const shared = { label: series.name, stroke, value: (_, value) => written(chart.unit, value) };
  if (!chart.bars) return { ...shared, width: 1.75, points: markers(series) };
  return { ...shared, width: 0, fill: stroke, points: { show: false }, paths: uPlot.paths.bars({ size: [0.75, 40], radius: 0.1 }) };
}

function span(data) {
  // One period of room on both sides, so that the first and the last bar are whole.
  const width = { hour: 3600, day: 86400, week: 7 * 86400 }[data.period];
  return [data.start[0] - width * 0.6, data.start.at(-1) + width * 0.6];
}

function top(unit, highest) {
  // A little room, so that the line of a perfect score is seen whole.
  if (unit === "percent") return [0, 102];
  return [0, highest > 0 ? highest * 1.08 : 1];
}

function draw(place) {
  const data = JSON.parse(source.textContent);
  const chart = data.charts[place.dataset.chart];
  const options = {
    width: Math.max(200, place.clientWidth),
    height: HEIGHT,
    series: [{ label: data.period, value: (_, __, ___, index) => periodName(data, index) }, ...chart.series.map((one) => line(chart, one))],
    axes: axes(chart.unit, data),
    scales: { x: { time: true, range: span(data) }, y: { range: (_, __, highest) => top(chart.unit, highest) } },
    tzDate: (at) => (data.period === "hour" ? new Date(at * 1000) : uPlot.tzDate(new Date(at * 1000), "Etc/UTC")),
    cursor: { drag: { x: false, y: false }, sync: { key: "model" }, points: { size: 7 } },
    legend: { live: true },
  };
  drawn.get(place)?.destroy();
  place.replaceChildren();
  const plot = new uPlot(options, [data.start, ...chart.series.map((one) => one.values)], place);
  // Without a pointer over the chart the legend tells of the latest period; a turn later, as uPlot empties it last.
  const rest = () => setTimeout(() => plot.setLegend({ idx: data.start.length - 1 }), 50);
  plot.over.addEventListener("mouseleave", rest);
  rest();
  drawn.set(place, plot);
}

/** Draw every chart of the page again. */
export function redraw() {
  for (const place of document.querySelectorAll("[data-chart]")) draw(place);
}

const resized = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) drawn.get(target)?.setSize({ width: Math.max(200, contentRect.width), height: HEIGHT });
});
redraw();
for (const place of drawn.keys()) resized.observe(place);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("seeme-refreshed", redraw);
