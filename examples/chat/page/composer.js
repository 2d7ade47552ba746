// Where the user writes. Enter sends, but on a phone; Shift and Enter begin a new line.

import { byId } from "./dom.js";

export class Composer {
  #box = byId("body");

  /** @param {{onSend: (body: string) => void, onWrite: () => void}} hooks */
  constructor({ onSend, onWrite }) {
    const send = () => {
      const body = this.#box.value.trim();
      if (body === "") return;
      this.#box.value = "";
      this.#grow();
      onSend(body);
    };
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      send();
      this.focus();
    });
    this.#box.addEventListener("keydown", (event) => {
      const onPhone = matchMedia("(pointer: coarse)").matches;
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || onPhone) return;
      event.preventDefault();
      send();
    });
    this.#box.addEventListener("input", () => {
      this.#grow();
      if (this.#box.value.trim() !== "") onWrite();
    });
  }

  focus() { this.#box.focus(); }

  #grow() {
    this.#box.style.height = "auto";
    this.#box.style.height = `${this.#box.scrollHeight}px`;
  }
}
