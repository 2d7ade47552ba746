// Uses the client that the notice board serves at /api/client.ts, against the board itself.
import { createClient, Problem } from "./client.js";

declare const process: { env: { [name: string]: string | undefined }; exit(code: number): never };

function expect(what: string, ok: boolean): void {
  if (!ok) {
    console.error("not so: " + what);
    process.exit(1);
  }
}

async function refused(status: number, call: Promise<unknown>): Promise<Problem> {
  try {
    await call;
  } catch (err) {
    if (err instanceof Problem && err.status === status) return err;
    throw err;
  }
  throw new Error("it was not refused");
}

const baseUrl = process.env["BOARD"] ?? "";

// A user, by the page's form.
const form = { "user[name]": "ada", "user[email]": "ada@example.com", "user[password]": "correct horse", "user[password_confirmation]": "correct horse" };
const joined = await fetch(baseUrl + "/signup", {
  method: "POST", redirect: "manual", headers: { "Sec-Fetch-Site": "same-origin" }, body: new URLSearchParams(form),
});
expect("a user can sign up: " + joined.status, joined.status === 303);

const stranger = createClient({ baseUrl });
expect("nobody has written yet", ((await stranger.listNotices()).notices ?? []).length === 0);
const { token } = await stranger.logIn({ name: "ada", password: "correct horse" });
const ada = createClient({ baseUrl, headers: { Authorization: "Bearer " + token } });

const made = await ada.postNotice({ kind: "offer", title: "Ladder", body: "Long." });
expect("the notice has its author", made.author === "ada" && made.id === 1);
expect("it is shown", (await ada.showNotice({ id: made.id })).title === "Ladder");

const wrong = await refused(422, ada.postNotice({ kind: "offer", title: " ", body: "Long." }));
expect("what is wrong is told by field", wrong.errors["title"]?.[0] === "can't be blank");
expect("what is not there is told", (await refused(404, ada.showNotice({ id: 7 }))).detail === "there is no such notice");
await refused(401, stranger.deleteNotice({ id: made.id }));
await ada.deleteNotice({ id: made.id });

// @ts-expect-error an input that the action does not take
const misspelled = () => ada.showNotice({ ID: 1 });
// @ts-expect-error an answer's field that is not there
const missing = () => made.colour;
void misspelled, missing;
console.log("ok");
