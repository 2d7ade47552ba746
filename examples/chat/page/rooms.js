// The list of rooms, and where there is news. It is a topic of its own on the same socket; since that keeps no
// history, each join's reply is the whole list.

import { byId, fill, make } from "./dom.js";

/** The room that is always there. */
export const HOME = "lobby";

export class Rooms {
  #now = HOME; // where the user is
  #latest = new Map(); // room → seq
  #seen = new Map(); // room → seq
  #rows = new Map(); // room → element
  #hrefOf;

  /**
   * @param {Socket} socket
   * @param {(room: string) => string} hrefOf
   * @param {(room: string) => void} onChoose
   */
  constructor(socket, hrefOf, onChoose) {
    this.#hrefOf = hrefOf;
    const channel = socket.channel("rooms");
    channel.onJoin(({ rooms }) => {
      this.#latest = new Map(rooms.map(({ room, seq }) => [room, seq]));
      for (const { room, seq } of rooms) this.#seen.set(room, Math.min(seq, this.#seen.get(room) ?? seq));
      this.show();
    });
    channel.on("spoken", ({ room, seq }) => {
      this.#latest.set(room, seq);
      this.show();
    });
    channel.join();
    byId("rooms").addEventListener("click", (event) => {
      const link = event.target.closest("a");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      onChoose(link.dataset.room);
    });
  }

  enter(room) {
    this.#now = room;
    this.show();
  }

  show() {
    const rooms = [...new Set([HOME, ...this.#latest.keys(), this.#now])].sort((a, b) => a.localeCompare(b));
    const rows = new Map();
    let news = false;
    for (const room of rooms) {
      if (room === this.#now && !document.hidden) this.#seen.set(room, this.#latest.get(room) ?? 0);
      const unread = (this.#latest.get(room) ?? 0) - (this.#seen.get(room) ?? 0);
      const row = this.#rows.get(room) ?? newRow(room);
      const [link] = row.children;
      link.href = this.#hrefOf(room);
      if (room === this.#now) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
      link.lastChild.textContent = unread > 0 ? (unread > 99 ? "99+" : unread) : "";
      link.lastChild.ariaLabel = unread > 0 ? `${unread} new` : null;
      news ||= unread > 0 && room !== this.#now;
      rows.set(room, row);
    }
    this.#rows = rows;
    fill(byId("rooms"), [...rows.values()]);
    byId("rooms-news").hidden = !news;
  }
}

function newRow(room) {
  const [row, link] = [make("li"), make("a")];
  link.dataset.room = room;
  link.append(make("span", "", room), make("b", "unread"));
  row.append(link);
  return row;
}
