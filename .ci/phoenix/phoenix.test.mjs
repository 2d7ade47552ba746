// The official client of Phoenix channels against the fleet. Run by ./run.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Socket } from "phoenix";
import WebSocket from "ws";
import { Server, until } from "./server.mjs";

const server = new Server();
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

const join = async (topic) => {
  const channel = socket.channel(topic);
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
  assert.deepEqual(await answer(channel.join()), ["error", { reason: "unmatched topic" }]);
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
