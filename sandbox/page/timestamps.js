// Times as Discord shows them; relative ones tick.

import { language, t } from "./words.js";

const FORMATS = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
};
/** Units from small to large: seconds in one, and how many make up the next. */
const UNITS = [
  ["second", 1, 60],
  ["minute", 60, 60],
  ["hour", 3600, 24],
  ["day", 86_400, 30],
  ["month", 2_629_746, 12],
  ["year", 31_556_952, Infinity],
];
const DAY_MS = 86_400_000;

export function formatStamp(unixSeconds, style, nowMs = Date.now()) {
  if (style === "R") return formatRelative(unixSeconds - nowMs / 1000);
  return new Intl.DateTimeFormat(language(), FORMATS[style] ?? FORMATS.f).format(unixSeconds * 1000);
}

function formatRelative(seconds) {
  const relativeFormat = new Intl.RelativeTimeFormat(language(), { numeric: "always" });
  for (const [unit, size, limit] of UNITS) {
    const amount = Math.round(seconds / size);
    if (Math.abs(amount) < limit) return relativeFormat.format(amount, unit);
  }
  return "";
}

/** "Today at 14:03", as beside a message's author. */
export function formatPosted(date, now = new Date()) {
  const time = formatStamp(date / 1000, "t");
  const days = Math.round((startOfDay(now) - startOfDay(date)) / DAY_MS);
  if (days === 0) return t("Today at {time}", { time });
  if (days === 1) return t("Yesterday at {time}", { time });
  return `${formatStamp(date / 1000, "d")} ${time}`;
}

export const startOfDay = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());

export function buildStamp(unixSeconds, style) {
  const date = new Date(unixSeconds * 1000);
  if (Number.isNaN(date.getTime())) return document.createTextNode(t("Invalid Date"));
  const node = document.createElement("time");
  node.className = "stamp";
  node.dateTime = date.toISOString();
  node.title = formatStamp(unixSeconds, "F");
  node.textContent = formatStamp(unixSeconds, style);
  if (style === "R") node.dataset.unix = String(unixSeconds);
  return node;
}

/** Keeps every relative time on the page current. */
export function startTicking() {
  setInterval(() => {
    for (const node of document.querySelectorAll("time[data-unix]")) {
      const text = formatStamp(Number(node.dataset.unix), "R");
      if (node.textContent !== text) node.textContent = text;
    }
  }, 1000);
}
