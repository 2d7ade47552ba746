// On a narrow screen the list is a sheet at the bottom: low, half or full, by its handle or a drag.

const STATES = ["low", "half", "full"];

export class Sheet {
  #panel;
  #handle;
  #onChange;

  constructor(panel, handle, onChange) {
    this.#panel = panel;
    this.#handle = handle;
    this.#onChange = onChange;
    this.set("half");

    let start = null;
    handle.addEventListener("pointerdown", (event) => {
      start = { y: event.clientY, height: panel.offsetHeight, dragged: false };
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointermove", (event) => {
      if (!start) return;
      const dy = start.y - event.clientY;
      start.dragged ||= Math.abs(dy) > 5;
      if (start.dragged) panel.style.setProperty("--sheet", `${Math.max(72, start.height + dy)}px`);
    });
    const end = () => {
      if (start?.dragged) this.#settle(panel.offsetHeight);
      start = start?.dragged ? { done: true } : null;
    };
    handle.addEventListener("pointerup", end);
    handle.addEventListener("pointercancel", end);
    handle.addEventListener("click", () => {
      const dragged = start?.done;
      start = null;
      if (!dragged) this.set(this.state === "low" ? "half" : this.state === "half" ? "full" : "low");
    });
  }

  get state() { return this.#panel.dataset.sheet; }

  set(state) {
    this.#panel.style.removeProperty("--sheet");
    this.#panel.dataset.sheet = state;
    this.#handle.setAttribute("aria-expanded", String(state !== "low"));
    this.#onChange();
  }

  #settle(height) {
    const heights = [0.1, 0.46, 0.85].map((part) => part * innerHeight);
    const nearest = heights.reduce((best, h, i) => (Math.abs(h - height) < Math.abs(heights[best] - height) ? i : best), 0);
    this.set(STATES[nearest]);
  }
}
