// The page: one socket, on it the list of rooms and the room where the user is.

import { Socket } from "./bennu.js";
import { Composer } from "./composer.js";
import { byId } from "./dom.js";
import { note } from "./events.js";
import { Link } from "./link.js";
import { Me } from "./me.js";
import { People } from "./people.js";
import { Room } from "./room.js";
import { HOME, Rooms } from "./rooms.js";
import { Talk } from "./talk.js";
import { Typing } from "./typing.js";

const socket = new Socket("/socket");
const link = new Link(socket);
const me = new Me(() => enter(roomInAddress(), true));
const rooms = new Rooms(socket, addressOf, go);
const talk = new Talk({ onOlder: () => room.older(), onDiscard: (key) => room.outbox.discard(key) });
const composer = new Composer({
  onSend(body) {
    newFrom = 0;
    typing.sent();
    talk.toEnd();
    room?.outbox.add(body);
  },
  onWrite: () => typing?.say(() => room.typing()),
});

let room = null;
let people = null;
let typing = null;
let newFrom = 0; // the first message that the user has not seen; 0: none
let unseen = 0;

function roomInAddress() { return new URLSearchParams(location.search).get("room") || HOME; }

function addressOf(name) {
  const url = new URL(location);
  url.searchParams.set("room", name);
  return url.href;
}

/** Enters another room, as a new step in the browser's history. */
function go(name) {
  if (name !== roomInAddress()) history.pushState(null, "", addressOf(name));
  byId("rooms-side").hidePopover();
  enter(name);
  write();
}

/** The user may write at once, but a keyboard does not jump up on a phone. */
function write() { if (!matchMedia("(pointer: coarse)").matches) composer.focus(); }

function enter(name, again = false) {
  if (!me.name || (room?.name === name && !again)) return;
  room?.leave();
  people?.end();
  typing?.end();
  [newFrom, unseen] = [0, 0];
  const now = (room = new Room(socket, name, me.name, {
    onChange: () => now === room && show(),
    onPosted: (message) => heard(message),
    onJoin(recovered) {
      link.joined(recovered);
      byId("trouble").hidden = true;
      show();
    },
    onTyping: (who) => typing.hear(who),
    onState: (state, why) => now === room && link.state(state, why),
  }));
  people = new People(room.presence(), me.name);
  typing = new Typing(me.name);
  byId("room-name").textContent = name;
  byId("body").disabled = false;
  talk.clear();
  rooms.enter(name);
  link.enter(room);
  show();
  room.enter().catch((err) => now === room && refused(err));
}

/** The server does not let us in. */
function refused(err) {
  if (err.status === "closed" || err.status === "timeout") return; // it is tried again
  room.leave();
  byId("body").disabled = true;
  if (err.errors.name) return me.ask(`A name ${err.errors.name[0]}.`);
  byId("trouble").textContent = err.reason;
  byId("trouble").hidden = false;
}

function heard({ author, seq }) {
  typing.stop(author);
  if (!document.hidden || author === me.name) return;
  if (unseen++ === 0) newFrom = seq;
  show();
}

function show() {
  const { messages, outbox, hasOlder } = room;
  talk.show(messages, outbox.drafts, { me: me.name, newFrom, hasOlder });
  byId("empty").hidden = room.state !== "joined" || messages.length + outbox.drafts.length > 0;
  document.title = `${unseen > 0 ? `(${unseen}) ` : ""}${room.name} · bennu chat`;
}

byId("crash").addEventListener("click", () => {
  if (room?.state !== "joined") return;
  note("You asked for a panic");
  room.crash();
});
byId("new-room").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = byId("new-room-name").value.trim();
  if (name) go(name);
  byId("new-room").reset();
});
addEventListener("popstate", () => enter(roomInAddress()));
addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unseen = 0;
  rooms.show();
  if (room) show();
});
matchMedia("(min-width: 60rem)").addEventListener("change", () => {
  for (const side of ["rooms-side", "people-side"]) byId(side).hidePopover();
});

byId("who").addEventListener("close", write);

socket.connect();
me.start();
if (me.name) write();
