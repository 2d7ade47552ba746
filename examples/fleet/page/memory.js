// What the page remembers of its user's choices. A browser that keeps nothing is no error.

export function recall(what) {
  try {
    return localStorage.getItem(`fleet.${what}`);
  } catch {
    return null;
  }
}

export function remember(what, value) {
  try {
    localStorage.setItem(`fleet.${what}`, value);
  } catch {
    // Then it is forgotten.
  }
}
