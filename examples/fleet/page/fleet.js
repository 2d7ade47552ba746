// The dispatcher's page: every unit of an agency, live.

import { Socket } from "/bennu.js";
import { Agency } from "./agency.js";
import { AlertCard } from "./alertcard.js";
import { Alerts } from "./alerts.js";
import { Details } from "./details.js";
import { Dock } from "./dock.js";
import { Doors } from "./doors.js";
import { Geofences } from "./geofences.js";
import { Health } from "./health.js";
import { keys } from "./keys.js";
import { List } from "./list.js";
import { LiveMap } from "./map.js";
import { Selection } from "./selection.js";
import { Sheet } from "./sheet.js";
import { Status } from "./status.js";
import { theme } from "./theme.js";
import { Units } from "./units.js";
import { Watch } from "./watch.js";
import { Watchers } from "./watchers.js";

const byId = (id) => document.getElementById(id);
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
const narrow = matchMedia("(max-width: 820px)");

let wanted = null; // the id of a unit to be selected when its agency is there

const units = new Units({
  onFix: (unit) => { selection.fixed(unit); map.fixed(unit); },
  onState: (unit, before) => {
    selection.stateChanged(unit);
    if (unit === selection.unit) details.restarted();
    if (unit.state === "restarting") watch.restarting(unit);
    else if (before === "restarting" && unit.state === "online") watch.back(unit, performance.now() - unit.down);
  },
});
const socket = new Socket("/socket");
const agency = new Agency(socket, meta("fleet-agency") || "nyc", {
  onSnapshot: (fixes) => {
    units.snapshot(fixes, performance.now());
    selection.check();
    if (!selection.unit) details.open(null);
    if (wanted && units.get(wanted)) select(units.get(wanted), { fly: true, reveal: true });
    wanted = null;
    map.filled();
    list.refresh(performance.now());
    status.counts(performance.now());
    health.ask();
  },
  params: () => ({ name: watchers.name }),
  onTopic: (channel) => {
    watchers.watch(channel);
    geofences.watch(agency.id, channel);
  },
  onMoved: (fixes) => units.update(fixes, performance.now()),
  onSwitch: () => {
    select(null);
    watch.reset();
    units.clear();
    map.restart();
    title();
  },
  onState: () => status.link(),
});
const selection = new Selection(socket, units, () => { map.invalidate(); details.refresh(); });
const geofences = new Geofences({
  onChange: () => map.invalidate(),
  onShow: (geofence) => map.around(geofence),
  onAlert: (alert) => alerts.raise(alert),
});
const map = new LiveMap(units, selection, geofences, {
  isLive: () => agency.live,
  onTap: (unit) => select(unit, { reveal: true }),
  onMove: () => { if (selection.follow) follow(); },
});
const alerts = new Alerts((alert) => alertCard.say(alert));
const alertCard = new AlertCard(alerts, choose);
const watch = new Watch(alerts, agency);
const health = new Health(agency, (newlyDropped, reasons) => {
  watch.health({ ...health, newlyDropped, reasons });
});
const watchers = new Watchers();
const doors = new Doors(health, () => agency.live);
const status = new Status(socket, agency, units);
const list = new List(units, (unit) => select(unit, { fly: true }));
const sheet = new Sheet(byId("panel"), byId("handle"), () => layout());
const details = new Details(selection, socket, {
  demo: meta("fleet-demo") === "true",
  onClose: () => select(null),
  onFollow: follow,
  onShow: show,
  onPoint: (point) => { map.place = point; map.invalidate(); },
});
const dock = new Dock(narrow, () => {
  if (narrow.matches && dock.open) sheet.set("low");
  alertCard.refresh(performance.now());
  doors.refresh();
  watchers.refresh();
  layout();
});

function select(unit, { fly = false, reveal = false } = {}) {
  selection.select(unit?.id ?? null);
  list.select(selection.unit, reveal);
  details.open(selection.unit);
  if (narrow.matches && unit) {
    dock.close();
    sheet.set("low");
  }
  layout();
  byId("announce").textContent = unit ? `Unit ${unit.id} selected` : "";
  if (fly && unit) map.show(unit);
}

/** Shows the unit of an alert, in its agency. */
function choose(alert) {
  if (alert.agency === agency.id) {
    const unit = units.get(alert.unit);
    if (unit) select(unit, { fly: true, reveal: true });
  } else {
    wanted = alert.unit;
    agency.go(alert.agency);
  }
}

function follow() {
  selection.follow = selection.unit !== null && !selection.follow;
  details.refresh();
}

function show() {
  if (selection.unit) map.show(selection.unit, true);
}

function step(by) {
  const unit = list.beside(by);
  if (unit) select(unit, { fly: true, reveal: true });
}

/** Which part of the window is the map's depends on the panels that are open. */
function layout() {
  const head = byId("head").offsetHeight;
  const cards = byId("dock");
  const top = cards.offsetHeight > 0 ? cards.offsetTop : innerHeight;
  const insets = narrow.matches
    ? { top: head, left: 0, right: 0, bottom: innerHeight - Math.min(byId("panel").offsetTop, top) }
    : { top: head, left: byId("panel").offsetWidth, right: cards.offsetHeight > 0 ? cards.offsetWidth + 24 : 0, bottom: 0 };
  document.body.style.setProperty("--covered", `${insets.bottom}px`);
  map.layout(insets);
}

function title() {
  const news = alerts.unseen > 0 ? `(${alerts.unseen}) ` : "";
  const text = `${news}${agency.id.toUpperCase()} · bennu fleet`;
  if (document.title !== text) document.title = text;
}

keys({
  Escape: () => { if (!(narrow.matches && dock.close())) select(null); },
  "/": () => byId("search").focus(),
  g: () => byId("agency").focus(),
  l: () => byId("list").focus(),
  m: () => byId("units").focus(),
  j: () => step(1),
  k: () => step(-1),
  f: follow,
  z: show,
  0: () => map.fit(),
  "+": () => map.zoom(1.6),
  "=": () => map.zoom(1.6),
  "-": () => map.zoom(1 / 1.6),
  a: () => dock.toggle("alerts"),
  d: () => dock.toggle("doors"),
  w: () => dock.toggle("watchers"),
  o: () => dock.toggle("geofences"),
  t: () => theme.toggle(),
});

byId("theme-button").addEventListener("click", () => theme.toggle());
theme.onChange(() => details.refresh());
socket.onState((state) => watch.connection(state === "open"));
addEventListener("resize", layout);
for (const id of ["panel", "dock"]) new ResizeObserver(() => layout()).observe(byId(id));

setInterval(() => {
  const now = performance.now();
  selection.check();
  list.refresh(now);
  details.refresh();
  alertCard.refresh(now);
  status.link();
  title();
  map.invalidate(); // colours follow speeds
}, 250);
setInterval(() => {
  status.counts(performance.now());
  doors.refresh();
}, 500);
setInterval(() => {
  if (!agency.live) return;
  const { silent, heard } = units.check(performance.now());
  for (const unit of silent) watch.silent(unit);
  for (const unit of heard) watch.heard(unit, unit.heard - unit.quietFrom);
}, 1_000);

layout();
socket.connect();
agency.start();
map.start();

window.fleet = { units: () => units.size, socket };
