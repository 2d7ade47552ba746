// What the browser keeps, if it lets us: for this tab ("sessionStorage") or for all ("localStorage").

export function recall(where, key) {
  try {
    return globalThis[where].getItem(`chat:${key}`);
  } catch {
    return null;
  }
}

export function remember(where, key, value) {
  try {
    globalThis[where].setItem(`chat:${key}`, value);
  } catch {
    // It is forgotten, then.
  }
}
