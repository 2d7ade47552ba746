// Elements, made without markup: what a document says is never read as HTML.

/** Makes an element. Attributes that begin with "on" are listeners, false ones are left out. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) {
      element.addEventListener(key.slice(2), value);
    } else if (value !== false && value !== undefined && value !== null) {
      element.setAttribute(key, value === true ? "" : value);
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return element;
}

/** Paragraphs with `code`, of the little that is needed of CommonMark. */
export function prose(text) {
  return (text ?? "").split(/\n\s*\n/).filter((part) => part.trim() !== "").map((part) => h("p", {}, inline(part)));
}

export function inline(text) {
  return (text ?? "").split(/`([^`]+)`/).map((part, i) => (i % 2 ? h("code", {}, part) : part));
}

export function method(name, small) {
  return h("span", { class: `method ${name}${small ? " small" : ""}` }, name === "delete" && small ? "DEL" : name.toUpperCase());
}

/** A path whose wildcards stand out, and may break at its slashes. */
export function path(text) {
  return text.split(/(\{[^}]+\}|\/)/).map((part) => {
    if (part === "/") return [h("wbr"), "/"];
    return part.startsWith("{") ? h("span", { class: "wildcard" }, part) : part;
  });
}

export function copy(text) {
  const button = h("button", {
    type: "button", class: "quiet", "aria-live": "polite",
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(text());
        button.textContent = "Copied";
      } catch {
        button.textContent = "Cannot copy";
      }
      setTimeout(() => (button.textContent = "Copy"), 1500);
    },
  }, "Copy");
  return button;
}

const token = /("(?:\\.|[^"\\])*")(\s*:)?|-?\d[\d.eE+-]*|true|false|null|[{}[\],]/g;

/** JSON with indents and colours. It goes by the text, so that no long number is rounded. */
export function json(text) {
  const out = [];
  let depth = 0;
  const line = () => "\n" + "  ".repeat(Math.max(depth, 0));
  const tokens = [...text.matchAll(token)];
  tokens.forEach(([whole, string, colon], i) => {
    const next = tokens[i + 1]?.[0];
    if (whole === "{" || whole === "[") {
      depth++;
      out.push(whole, next === "}" || next === "]" ? "" : line());
    } else if (whole === "}" || whole === "]") {
      depth--;
      const before = tokens[i - 1]?.[0];
      out.push(before === "{" || before === "[" ? "" : line(), whole);
    } else if (whole === ",") {
      out.push(",", line());
    } else if (colon) {
      out.push(h("span", { class: "json-key" }, string), ": ");
    } else {
      out.push(h("span", { class: string ? "json-text" : "json-value" }, whole));
    }
  });
  return h("pre", { class: "json", tabindex: "0" }, out);
}
