// Times in the viewer's zone and sharp small images; used when a page opens and when parts of it are replaced.
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

function ago(at) {
  const seconds = (at - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["now", 1];
  return unit === "now" ? "just now" : relative.format(Math.trunc(seconds / size), unit);
}

/** Write the times below `root` in the viewer's time zone; UTC stays in the tooltip. */
export function localise(root = document) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    if (!time.title) time.title = time.textContent;
    time.textContent = "relative" in time.dataset ? ago(at) : absolute.format(at);
  }
}

/** Show images of a few pixels as squares, not as a blur. */
export function sharpen(root = document) {
  for (const image of root.querySelectorAll("img.input")) {
    const check = () => image.classList.toggle("tiny", image.naturalWidth > 0 && image.naturalWidth < 64);
    if (image.complete) check();
    else image.addEventListener("load", check, { once: true });
  }
}
