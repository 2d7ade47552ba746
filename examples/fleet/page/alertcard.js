// The card with the alerts, its button with their count, and the voice that reads them out.

import { clock } from "./geo.js";

const byId = (id) => document.getElementById(id);
const SAY_MS = 3_000;

export class AlertCard {
  #alerts;
  #onChoose;
  #box = byId("alerts-list");
  #rows = new Map(); // key → row
  #shown = -1;
  #wasOpen = false;
  #unsaid = [];
  #saidAt = 0;

  /** @param {(alert: object) => void} onChoose the user wants to see its unit */
  constructor(alerts, onChoose) {
    this.#alerts = alerts;
    this.#onChoose = onChoose;
    byId("alerts-clear").addEventListener("click", () => { alerts.clear(); this.refresh(performance.now()); });
    this.#box.addEventListener("click", ({ target }) => {
      const row = this.#rowOf(target);
      if (!row) return;
      if (target.closest(".dismiss")) this.#dismiss(row);
      else if (row.alert.unit) this.#onChoose(row.alert);
    });
    this.#box.addEventListener("keydown", (event) => this.#key(event));
  }

  /** To be read out, when there is a moment. */
  say(alert) {
    this.#unsaid = [...this.#unsaid.slice(-20), alert];
  }

  /** Brings it up to date; to be called a few times a second. */
  refresh(now) {
    const open = !byId("alerts").hidden;
    if (open && !document.hidden) this.#alerts.seen();
    if (now - this.#saidAt > SAY_MS && this.#unsaid.length > 0) {
      const { subject, text } = this.#unsaid.at(-1);
      const more = this.#unsaid.length - 1;
      byId("alerts-said").textContent = `${subject}: ${text}${more > 0 ? `, and ${more} more` : ""}`;
      this.#unsaid = [];
      this.#saidAt = now;
    }
    if (this.#shown === this.#alerts.version && open === this.#wasOpen) return;
    this.#shown = this.#alerts.version;
    this.#wasOpen = open;
    const { list, unseen } = this.#alerts;
    byId("alerts-count").textContent = list.length;
    byId("alerts-button").classList.toggle("news", unseen > 0);
    byId("alerts-button").setAttribute("aria-label", `Alerts: ${list.length}${unseen > 0 ? `, ${unseen} new` : ""}`);
    if (open) this.#paint(list);
  }

  #paint(list) {
    const focused = this.#box.contains(document.activeElement) ? document.activeElement : null;
    const keys = new Set(list.map(({ key }) => key));
    for (const [key, row] of this.#rows) {
      if (keys.has(key)) continue;
      row.element.remove();
      this.#rows.delete(key);
    }
    let next = this.#box.firstChild;
    for (const alert of list) {
      let row = this.#rows.get(alert.key);
      if (!row) this.#rows.set(alert.key, (row = newRow()));
      if (row.alert !== alert) fill(row, alert);
      if (row.element === next) next = next.nextSibling;
      else this.#box.insertBefore(row.element, next);
    }
    byId("alerts-none").hidden = list.length > 0;
    byId("alerts-clear").hidden = list.length === 0;
    if (focused && focused !== document.activeElement && focused.isConnected) focused.focus();
    this.#tabStop();
  }

  /** One stop for the Tab key; arrow keys go on from there. */
  #tabStop() {
    const present = this.#rowOf(document.activeElement)?.button ?? this.#box.querySelector(".alert");
    for (const { button } of this.#rows.values()) button.tabIndex = button === present ? 0 : -1;
  }

  #key(event) {
    const row = this.#rowOf(event.target);
    if (!row) return;
    const to = { ArrowDown: row.element.nextSibling, ArrowUp: row.element.previousSibling }[event.key];
    if (to) to.querySelector(".alert").focus();
    else if (event.key === "Delete" || event.key === "Backspace") this.#dismiss(row);
    else return;
    event.preventDefault();
    this.#tabStop();
  }

  #dismiss(row) {
    const inside = this.#box.contains(document.activeElement);
    const next = row.element.nextSibling ?? row.element.previousSibling;
    this.#alerts.dismiss(row.alert.key);
    this.refresh(performance.now());
    if (inside) (next?.querySelector(".alert") ?? byId("alerts-button")).focus();
    this.#tabStop();
  }

  #rowOf(element) {
    const found = element?.closest?.("#alerts-list > li");
    return found ? this.#rows.get(found.dataset.key) : undefined;
  }
}

function newRow() {
  const make = (tag, className) => Object.assign(document.createElement(tag), { className });
  const [element, button, dismiss] = [make("li", ""), make("button", "alert"), make("button", "dismiss")];
  const [subject, text, times, time] = [make("b", ""), make("span", "what"), make("span", "times"), make("time", "")];
  button.type = dismiss.type = "button";
  dismiss.tabIndex = -1;
  dismiss.title = "Dismiss (Delete)";
  button.append(subject, text, times, time);
  element.append(button, dismiss);
  return { element, button, dismiss, subject, text, times, time, alert: null };
}

function fill(row, alert) {
  row.alert = alert;
  row.element.dataset.key = alert.key;
  row.element.dataset.tone = alert.tone;
  row.subject.textContent = alert.subject;
  row.text.textContent = alert.text;
  row.times.textContent = alert.times > 1 ? `×${alert.times.toLocaleString("en")}` : "";
  row.time.textContent = clock(alert.at);
  row.button.classList.toggle("plain", alert.unit === null);
  row.dismiss.setAttribute("aria-label", `Dismiss: ${alert.subject}, ${alert.text}`);
}
