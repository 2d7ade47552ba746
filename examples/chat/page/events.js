// What happened to this window, newest first: lost and found connections, crashes.

import { byId, make } from "./dom.js";

const MOST = 8;
const clock = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

export function note(text, tone = "plain") {
  const row = make("li");
  row.dataset.tone = tone;
  row.append(make("time", "", clock.format(new Date())), make("span", "", text));
  byId("events").prepend(row);
  while (byId("events").children.length > MOST) byId("events").lastElementChild.remove();
}

/** "12 ms", "3.4 s" */
export const span = (ms) => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`);
