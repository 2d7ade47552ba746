// bennu's own browser client against the fleet. Run by ./run.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { Socket } from "./bennu.js";
import { Fleet, until } from "./server.mjs";

const server = new Fleet();
let socket;

before(async () => {
  await server.start();
  socket = new Socket(server.socketURL, { transport: WebSocket, backoff: () => 50 });
  socket.connect();
});

after(async () => {
  socket.disconnect();
  await server.end();
});

test("joins, pushes, is refused, and leaves", async () => {
  const agency = socket.channel("agency:nyc");
  let moved = 0;
  agency.on("moved", () => moved++);
  const { units } = await agency.join();
  assert.ok(units.length > 0);
  await until("moved comes", () => moved >= 2);

  const unit = socket.channel("unit:phone-2");
  await unit.join();
  await unit.push("position", { lat: 40.7, lon: -74 });
  await assert.rejects(unit.push("position", { lat: 40.7 }), { reason: "a position needs lat and lon" });
  await unit.leave();
  await agency.leave();
});

test("sees who else watches an agency", async () => {
  const agency = socket.channel("agency:limerick", { name: "Ann" });
  const here = agency.presence();
  const names = () => here.list((name) => name).sort();
  await agency.join();
  await until("Ann is there", () => String(names()) === "Ann");
  const other = new Socket(server.socketURL, { transport: WebSocket });
  other.connect();
  const theirs = other.channel("agency:limerick");
  await theirs.join();
  await until("somebody comes", () => String(names()) === "Ann,dispatcher");
  await theirs.push("rename", { name: "Bob" });
  await until("it is Bob", () => String(names()) === "Ann,Bob");
  await assert.rejects(theirs.push("rename", { name: "\n!\u0000" }), /a name must be/);
  other.disconnect();
  await until("Bob goes", () => String(names()) === "Ann");
  await agency.leave();
});

test("sees a crashed unit come back, and stays joined", async () => {
  const agency = socket.channel("agency:nyc");
  const unit = socket.channel("unit:nyc-008");
  const states = [];
  agency.on("moved", ({ units }) => states.push(...units.filter((u) => u.unit === "nyc-008").map((u) => u.state)));
  await Promise.all([agency.join(), unit.join()]);
  unit.push("crash", {}, 100).catch(() => {}); // has no reply
  await until("it restarts", () => states.includes("restarting"));
  states.length = 0;
  await until("it is back", () => states.includes("online"));
  assert.equal(unit.state, "joined");
  assert.equal(agency.state, "joined");
  await unit.leave();
  await agency.leave();
});

test("is refused where there is no such topic", async () => {
  const channel = socket.channel("nothing:here");
  await assert.rejects(channel.join(), { status: "error", reason: "unmatched topic" });
  await channel.leave();
});

test("rejoins by itself, with a fresh snapshot, after the server was killed", async () => {
  const agency = socket.channel("agency:nyc");
  let snapshots = 0;
  agency.onJoin(() => snapshots++);
  await agency.join();
  await server.stop("SIGKILL");
  await until("the client waits", () => socket.state === "waiting" || socket.state === "connecting");
  await server.start();
  await until("it has a second snapshot", () => snapshots === 2);
  assert.equal(agency.state, "joined");
  await agency.leave();
});
