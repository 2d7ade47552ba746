// The official client of Phoenix channels against the fleet. Run by ./run.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Presence, Socket } from "phoenix";
import WebSocket from "ws";
import { Fleet, until } from "./server.mjs";

const server = new Fleet();
let socket;

before(async () => {
  await server.start();
  // Without a transport it falls back to long-polling, silently, where there is no browser.
  socket = new Socket(server.socketURL, { transport: WebSocket, reconnectAfterMs: () => 50, rejoinAfterMs: () => 50 });
  socket.connect();
});

after(async () => {
  socket.disconnect();
  await server.end();
});

/** answer makes a promise of a push: [status, response]. */
const answer = (push) =>
  new Promise((done) => {
    for (const status of ["ok", "error", "timeout"]) push.receive(status, (response) => done([status, response]));
  });

const join = async (topic, params = {}, prepare = () => {}) => {
  const channel = socket.channel(topic, params);
  prepare(channel);
  const [status, response] = await answer(channel.join());
  assert.equal(status, "ok", JSON.stringify(response));
  return [channel, response];
};

const leave = (channel) => answer(channel.leave());

test("joins agency:nyc and receives moved", async () => {
  const [agency, { units }] = await join("agency:nyc");
  assert.ok(units.length > 0);
  assert.deepEqual(Object.keys(units[0]).sort(), ["at", "heading_deg", "lat", "lon", "speed_mps", "state", "unit"]);
  const moved = new Set();
  let events = 0;
  agency.on("moved", (payload) => {
    events++;
    for (const { unit, state } of payload.units) if (state === "online") moved.add(unit);
  });
  await until("100 vehicles have moved", () => moved.size > 100 && events >= 3);
  assert.equal((await leave(agency))[0], "ok");
});

test("sees who else watches an agency", async () => {
  let here;
  const names = () => here.list((name) => name).sort();
  const [mine] = await join("agency:limerick", { name: "Ann" }, (channel) => { here = new Presence(channel); });
  await until("Ann is there", () => String(names()) === "Ann");
  assert.ok(Date.parse(here.list()[0].metas[0].since) > 0);
  const other = new Socket(server.socketURL, { transport: WebSocket });
  other.connect();
  const theirs = other.channel("agency:limerick", { name: "Bob" });
  assert.equal((await answer(theirs.join()))[0], "ok");
  await until("Bob comes", () => String(names()) === "Ann,Bob");
  assert.deepEqual(await answer(theirs.push("rename", { name: "Cid" })), ["ok", {}]);
  await until("Bob is Cid now", () => String(names()) === "Ann,Cid");
  assert.equal((await answer(theirs.push("rename", { name: "x".repeat(41) })))[0], "error");
  other.disconnect();
  await until("Cid goes", () => String(names()) === "Ann");
  await leave(mine);
});

test("is a device: position is ok, or an error with its reason", async () => {
  const [unit] = await join("unit:phone-1");
  const heard = [];
  unit.on("position", (p) => heard.push(p));
  assert.deepEqual(await answer(unit.push("position", { lat: 40.7, lon: -74, speed_mps: 3, heading_deg: 90 })), ["ok", {}]);
  await until("the position is broadcast", () => heard.length === 1);
  assert.equal(heard[0].lat, 40.7);
  const [status, response] = await answer(unit.push("position", { lat: 99, lon: -74 }));
  assert.equal(status, "error");
  assert.match(response.reason, /lat must be between -90 and 90/);
  await leave(unit);
});

test("sees a crashed unit come back, and stays joined", async () => {
  const [agency] = await join("agency:nyc");
  const [unit] = await join("unit:nyc-007");
  const states = [];
  agency.on("moved", ({ units }) => states.push(...units.filter((u) => u.unit === "nyc-007").map((u) => u.state)));
  await until("it is there", () => states.includes("online"));
  unit.push("crash", {});
  await until("it restarts", () => states.includes("restarting"));
  states.length = 0;
  await until("it is back", () => states.includes("online"));
  assert.equal(unit.state, "joined");
  assert.equal(agency.state, "joined");
  await leave(unit);
  await leave(agency);
});

test("is refused where there is no such topic", async () => {
  const channel = socket.channel("nothing:here");
  assert.deepEqual(await answer(channel.join()), ["error", { reason: "unmatched topic", kind: "not found" }]);
  await leave(channel);
});

test("rejoins after the server was killed and is back", async () => {
  const [agency, { units }] = await join("agency:nyc");
  let joins = 0;
  agency.joinPush.receive("ok", () => joins++);
  await server.stop("SIGKILL");
  await until("the client notices", () => !socket.isConnected());
  await server.start();
  await until("it has joined again", () => joins >= 1 && agency.state === "joined");
  let events = 0;
  agency.on("moved", () => events++);
  await until("it hears of movement again", () => events > 0);
  assert.ok(units.length > 0);
  await leave(agency);
});
