// The dispatcher's page: every unit of an agency, live.

import { Socket } from "/bennu.js";
import { Details } from "./details.js";
import { bounds } from "./geo.js";
import { List } from "./list.js";
import { Markers } from "./markers.js";
import { Selection } from "./selection.js";
import { Sheet } from "./sheet.js";
import { Status } from "./status.js";
import { Streets } from "./streets.js";
import { Units } from "./units.js";
import { View, handle } from "./view.js";

const byId = (id) => document.getElementById(id);
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

const agencyId = new URLSearchParams(location.search).get("agency") || meta("fleet-agency") || "nyc";
const key = meta("fleet-key");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const narrow = matchMedia("(max-width: 760px)");

let ratio = 1;
let dirty = true; // something but a position changed what is drawn
let hovered = null;
let drawnView = -1;
let touched = false; // the user has moved the map: no more fitting by itself
let fitted = false;

const view = new View(calm);
const streets = new Streets(byId("streets"));
const markers = new Markers(byId("units"), calm);
const units = new Units({
  onState: (unit) => selection.stateChanged(unit),
  onFix: (unit) => { selection.fixed(unit); streets.grow(unit.id, unit.toX, unit.toY); },
});

const socket = new Socket("/socket", { params: key ? { key } : {} });
const agency = socket.channel(`agency:${agencyId}`);
const selection = new Selection(socket, units, () => { dirty = true; details.refresh(); });
const status = new Status(socket, agency, units);
const list = new List(units, (unit) => select(unit, { fly: true }));
const sheet = new Sheet(byId("panel"), byId("handle"), () => layout());
const details = new Details(selection, {
  demo: meta("fleet-demo") === "true",
  onClose: () => select(null),
  onFollow: () => { selection.follow = !selection.follow; details.refresh(); },
  onShow: () => selection.unit && view.fly(selection.unit.x, selection.unit.y, Math.max(view.scale, 2 ** 24)),
});

function select(unit, { fly = false, reveal = false } = {}) {
  selection.select(unit?.id ?? null);
  list.select(selection.unit, reveal);
  details.open(selection.unit);
  if (narrow.matches && unit) sheet.set("low");
  layout();
  byId("announce").textContent = unit ? `Unit ${unit.id} selected` : "";
  if (fly && unit) {
    touched = true;
    view.fly(unit.x, unit.y, Math.max(view.scale, 2 ** 21.6));
  }
}

/** Which part of the window is the map's depends on the panels that are open. */
function layout() {
  const { innerWidth: width, innerHeight: height } = window;
  const head = byId("head").offsetHeight;
  const card = byId("details");
  view.insets = narrow.matches
    ? { top: head, left: 0, right: 0, bottom: height - Math.min(byId("panel").offsetTop, card.hidden ? height : card.offsetTop) }
    : { top: head, left: byId("panel").offsetWidth, right: card.hidden ? 0 : card.offsetWidth + 24, bottom: 0 };
  document.body.style.setProperty("--covered", `${view.insets.bottom}px`);
  ratio = Math.min(2, devicePixelRatio || 1);
  if (view.width === width && view.height === height && byId("units").width === Math.round(width * ratio)) return;
  for (const canvas of [byId("streets"), byId("units")]) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  view.resize(width, height);
  if (!touched) fit(false);
}

function fit(smoothly = true) {
  const all = bounds(streets.trips > 0 ? streets.sample() : units.list.map(({ toX, toY }) => [toX, toY]));
  if (all) view.fit(all, smoothly && fitted);
  fitted ||= all !== null;
}

function scaleBar() {
  const most = 110 * view.metresPerPixel;
  const unit = 10 ** Math.floor(Math.log10(most));
  const metres = unit * (most / unit >= 5 ? 5 : most / unit >= 2 ? 2 : 1);
  byId("scale-bar").style.width = `${metres / view.metresPerPixel}px`;
  byId("scale-text").textContent = metres >= 1000 ? `${metres / 1000} km` : `${metres} m`;
}

function frame(now) {
  requestAnimationFrame(frame);
  const moved = status.live && units.step(now);
  if (selection.follow && selection.unit) view.center(selection.unit.x, selection.unit.y);
  else view.step(now);
  streets.frame(view, ratio, now);
  const viewed = view.version !== drawnView;
  const pulsing = !calm.matches && byId("stat-restarting").classList.contains("trouble");
  if (!moved && !viewed && !dirty && !pulsing) return;
  if (viewed) scaleBar();
  drawnView = view.version;
  dirty = false;
  markers.draw(view, ratio, now, { units, selected: selection.unit, hovered, track: selection.track });
}

agency.onJoin(({ units: fixes }) => {
  units.snapshot(fixes, performance.now());
  selection.check();
  if (!selection.unit) details.open(null);
  if (!fitted || (!touched && streets.trips === 0)) fit(false);
  list.refresh(performance.now());
  status.counts(performance.now());
  dirty = true;
});
agency.on("moved", ({ units: fixes }) => units.update(fixes, performance.now()));

handle(byId("units"), view, {
  onTap: (sx, sy, reach) => select(Markers.near(units, view, sx, sy, reach), { reveal: true }),
  onMove: () => {
    touched = true;
    if (selection.follow) { selection.follow = false; details.refresh(); }
  },
  onHover: (sx, sy) => {
    const unit = sx < 0 ? null : Markers.near(units, view, sx, sy, 12);
    if (unit === hovered) return;
    hovered = unit;
    dirty = true;
    byId("units").classList.toggle("pointing", unit !== null);
  },
});

byId("zoom-in").addEventListener("click", () => { touched = true; view.zoomSmoothly(1.8); });
byId("zoom-out").addEventListener("click", () => { touched = true; view.zoomSmoothly(1 / 1.8); });
byId("zoom-fit").addEventListener("click", () => fit());

addEventListener("keydown", (event) => {
  const typing = event.target.matches("input");
  if (event.key === "Escape") {
    if (typing && event.target.value !== "") return;
    if (typing) event.target.blur();
    else select(null);
  } else if (!typing && event.key === "/") {
    event.preventDefault();
    byId("search").focus();
  } else if (!typing && event.key === "0" && !event.ctrlKey && !event.metaKey) {
    fit();
  }
});
addEventListener("resize", layout);
for (const id of ["panel", "details"]) new ResizeObserver(() => layout()).observe(byId(id));

setInterval(() => {
  const now = performance.now();
  selection.check();
  list.refresh(now);
  details.refresh();
  status.link();
  dirty = true; // colours follow speeds
}, 250);
setInterval(() => status.counts(performance.now()), 500);

byId("agency").textContent = agencyId.toUpperCase();
document.title = `${agencyId.toUpperCase()} · bennu fleet`;
layout();
socket.connect();
agency.join();
requestAnimationFrame(frame);

fetch("/api/map")
  .then((answer) => (answer.ok ? answer.json() : { lines: [] }))
  .catch(() => ({ lines: [] }))
  .then(({ lines }) => {
    streets.set(lines);
    if (lines.length > 0) byId("source").textContent = `Streets drawn from ${lines.length.toLocaleString("en")} recorded trips`;
    if (!touched) fit(false);
  });

window.fleet = { units: () => units.size, socket };
