// Keys that work anywhere on the page, and the dialog that lists them. Someone whose speech software types
// letters can turn the single ones off there.

import { recall, remember } from "./memory.js";

const byId = (id) => document.getElementById(id);

/** @param {Record<string, () => void>} actions key → what it does */
export function keys(actions) {
  const dialog = byId("keys");
  const single = byId("keys-single");
  single.checked = recall("keys") !== "off";
  single.addEventListener("change", () => remember("keys", single.checked ? "on" : "off"));
  byId("keys-button").addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open || event.defaultPrevented) return;
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "Escape") {
      if (!typing) actions.Escape();
      else if (!event.target.value || event.target.matches("select")) event.target.blur();
      return;
    }
    if (typing) return;
    if (event.key === "?") dialog.showModal();
    else if (!single.checked || !(event.key in actions)) return;
    else actions[event.key]();
    event.preventDefault();
  });
}
