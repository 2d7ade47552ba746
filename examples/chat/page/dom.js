// The little that the page needs of the DOM. Text is set as text, never as HTML.

export const byId = (id) => document.getElementById(id);

export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

/** Makes these the children, and leaves those alone that are in their place. */
export function fill(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  let at = parent.firstElementChild;
  for (const child of children) {
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
}

/** The circle with a user's initial, in a colour of the name's own. */
export function face(name) {
  const circle = make("span", "face");
  circle.setAttribute("aria-hidden", "true");
  paint(circle, name);
  return circle;
}

export function paint(circle, name) {
  tint(circle, name);
  circle.textContent = [...name][0]?.toUpperCase() ?? "";
}

export function tint(element, name) {
  let hash = 0;
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)) >>> 0;
  element.style.setProperty("--hue", (hash * 137.5) % 360);
}
