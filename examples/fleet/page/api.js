// Calls of the server's API, with the key if the page was opened with one.

const key = document.querySelector('meta[name="fleet-key"]')?.content ?? "";

/** What the socket sends with each connect. */
export const params = key ? { key } : {};

/** Like fetch, for a path on this server. */
export function call(path, options) {
  const url = new URL(path, location.origin);
  if (key) url.searchParams.set("key", key);
  return fetch(url, options);
}
