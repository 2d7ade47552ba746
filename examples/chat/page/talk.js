// The messages on the page: by day, and those of one author in a row together.

import { byId, face, fill, make, tint } from "./dom.js";

const TOGETHER_MS = 5 * 60_000;
const NEAR_PX = 80;

const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const weekday = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });
const long = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "medium", hourCycle: "h23" });

export class Talk {
  #box = byId("scroll");
  #list = byId("talk");
  #rows = new Map(); // key → element
  #atEnd = true;
  #onDiscard;

  /** @param {{onOlder: () => Promise, onDiscard: (key: string) => void}} hooks */
  constructor({ onOlder, onDiscard }) {
    this.#onDiscard = onDiscard;
    this.#box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#atEnd && this.toEnd()).observe(this.#box);
    byId("down").addEventListener("click", () => this.toEnd());
    byId("older").addEventListener("click", () => this.#older(onOlder));
  }

  /** Shows another room from its end. */
  clear() {
    this.#rows.clear();
    this.#list.replaceChildren();
    this.toEnd();
  }

  /**
   * @param {object[]} messages by seq
   * @param {object[]} drafts that come after them
   * @param {{me: string, newFrom: number, hasOlder: boolean}} more newFrom is the first that the user has not seen
   */
  show(messages, drafts, { me, newFrom, hasOlder }) {
    const rows = new Map();
    const row = (key, create) => {
      const element = this.#rows.get(key) ?? create();
      rows.set(key, element);
      return element;
    };
    const wasThere = this.#list.childElementCount > 0;
    const last = this.#list.lastElementChild;
    this.#list.ariaBusy = String(!wasThere); // all of a room is not read out
    let before = null;
    for (const message of messages) {
      const day = new Date(message.posted).toDateString();
      const newDay = !before || new Date(before.posted).toDateString() !== day;
      if (newDay) row(`day ${day}`, () => mark("day")).firstChild.textContent = dayName(message.posted);
      if (message.seq === newFrom) row("new", () => mark("new")).firstChild.textContent = "New";
      const own = message.author === me;
      const element = row(`${message.author} ${message.key}`, () => newRow(message, own));
      settle(element, message, own);
      join(element, !newDay && message.seq !== newFrom && isTogether(before, message));
      before = message;
    }
    for (const draft of drafts) {
      const element = row(`${me} ${draft.key}`, () => newRow({ ...draft, author: me }, true));
      wait(element, draft, () => this.#onDiscard(draft.key));
      join(element, before?.author === me);
      before = { author: me, posted: new Date() };
    }
    this.#rows = rows;
    fill(this.#list, [...rows.values()]);
    this.#list.ariaBusy = "false";
    byId("older").hidden = !hasOlder;
    if (this.#atEnd) this.toEnd();
    else if (last !== this.#list.lastElementChild) byId("down").hidden = false;
  }

  toEnd() {
    this.#box.scrollTop = this.#box.scrollHeight;
    this.#atEnd = true;
    byId("down").hidden = true;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#box;
    this.#atEnd = scrollHeight - clientHeight - scrollTop < NEAR_PX;
    if (this.#atEnd) byId("down").hidden = true;
  }

  /** What is looked at stays in its place. */
  async #older(ask) {
    const fromEnd = this.#box.scrollHeight - this.#box.scrollTop;
    this.#atEnd = false;
    try {
      await ask();
    } catch {
      return; // the button is still there
    }
    this.#box.scrollTop = this.#box.scrollHeight - fromEnd;
  }
}

const isTogether = (a, b) => a?.author === b.author && new Date(b.posted) - new Date(a.posted) < TOGETHER_MS;

function dayName(when) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(when).setHours(0, 0, 0, 0)) / 86_400_000);
  return ["Today", "Yesterday"][days] ?? weekday.format(new Date(when));
}

function mark(kind) {
  const row = make("li", `mark ${kind}`);
  row.append(make("span"));
  return row;
}

function newRow({ author, body }, own) {
  const row = make("li", own ? "message own" : "message");
  const [bubble, name, line] = [make("div", "bubble"), make("b", "name", author), make("div", "line")];
  tint(name, author);
  line.append(make("p", "", body), make("span", "foot"));
  bubble.append(name, line);
  if (!own) row.append(face(author));
  row.append(bubble);
  return row;
}

function join(row, withBefore) { row.classList.toggle("joined", withBefore); }

function settle(row, { seq, posted }, own) {
  if (row.dataset.seq === String(seq)) return;
  row.dataset.seq = seq;
  row.classList.remove("waiting", "refused");
  const time = make("time", "", clock.format(new Date(posted)));
  time.dateTime = posted;
  time.title = long.format(new Date(posted));
  const foot = row.querySelector(".foot");
  foot.replaceChildren(time);
  if (!own) return;
  const tick = make("span", "tick", "✓");
  tick.title = `Stored, as number ${seq} in this room`;
  tick.setAttribute("aria-label", "Stored");
  tick.setAttribute("role", "img");
  foot.append(tick);
}

function wait(row, { trouble, refused }, discard) {
  const text = refused ? `Not sent: ${trouble}` : trouble ? `Sending… (${trouble})` : "Sending…";
  row.classList.add("waiting");
  row.classList.toggle("refused", Boolean(refused));
  const foot = row.querySelector(".foot");
  if (foot.firstChild?.textContent === text) return;
  foot.replaceChildren(make("span", "", text));
  if (!refused) return;
  const button = make("button", "", "Discard");
  button.type = "button";
  button.addEventListener("click", discard);
  foot.append(button);
}
