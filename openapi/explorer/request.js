// The form that sends a request, and shows what comes back.

import { copy, h, json, method } from "./dom.js";

const maxShown = 200_000; // characters of an answer

/** The form of an operation. */
export class Request {
  constructor(page, operation) {
    this.page = page;
    this.operation = operation;
    this.inputs = [];
    this.answer = h("div", { class: "answer", "aria-live": "polite" });
    this.curl = h("pre", { class: "curl", tabindex: "0" });
    this.send = h("button", { class: "send", title: "Ctrl+Enter" }, "Send");
    this.form = h("form", {
      class: "try", novalidate: true, "aria-label": "Try it",
      onsubmit: (event) => this.submit(event),
      oninput: () => this.preview(),
      onkeydown: (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.submit(event);
      },
    },
    h("h2", {}, "Try it"),
    operation.parameters.map((parameter) => this.parameter(parameter)),
    this.bodyField(),
    h("div", { class: "row" }, this.send, h("span", { class: "faint keys" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter"))),
    this.answer,
    h("details", { class: "curl-box" }, h("summary", {}, "As a command"), copy(() => this.curl.textContent), this.curl));
    this.preview();
  }

  parameter(parameter) {
    const schema = this.page.schemas.resolve(parameter.schema);
    const id = `in-${parameter.in}-${parameter.name}`;
    const list = [schema.type].flat().includes("array");
    const of = list ? this.page.schemas.resolve(schema.items) : schema;
    const choices = of.enum ?? ([of.type].flat().includes("boolean") && !list ? [true, false] : undefined);
    const given = schema.examples?.[0] ?? (parameter.required ? this.page.schemas.example(schema) : undefined);
    let field;
    if (choices && list) {
      field = h("fieldset", { id, class: "choices", "aria-label": parameter.name, tabindex: "-1" },
        choices.map((one) => h("label", {}, h("input", { type: "checkbox", value: String(one) }), String(one))));
    } else if (choices) {
      field = h("select", { id },
        h("option", { value: "" }, parameter.required ? "choose…" : "–"),
        choices.map((one) => h("option", { value: String(one) }, String(one))));
      if (parameter.required && given !== undefined) field.value = String(given);
    } else if (list) {
      field = h("textarea", { id, rows: 2, placeholder: "one a line", spellcheck: "false" });
    } else {
      field = h("input", {
        id, autocomplete: "off", spellcheck: "false",
        type: schema.format === "password" ? "password" : "text",
        inputmode: [of.type].flat().some((type) => type === "integer" || type === "number") ? "decimal" : undefined,
        placeholder: hint(schema, this.page.schemas),
      });
      if (parameter.required && schema.format !== "password" && given !== null) field.value = String(given);
    }
    this.inputs.push({ parameter, field, list });
    return h("div", { class: "input" },
      h("label", { for: id }, parameter.name, " ", h("span", { class: "in" }, parameter.in),
        parameter.required && h("span", { class: "required" }, "required")),
      field);
  }

  bodyField() {
    const [kind, media] = Object.entries(this.operation.requestBody?.content ?? {})[0] ?? [];
    if (!kind) return null;
    this.kind = kind;
    const example = this.page.schemas.example(media.schema);
    const text = kind === "application/json" ? JSON.stringify(example, null, 2) : new URLSearchParams(example ?? {}).toString();
    this.body = h("textarea", {
      id: "in-body", class: "body", spellcheck: "false", autocapitalize: "off", rows: Math.min(Math.max(text.split("\n").length, 3), 16),
      oninput: () => this.check(),
    });
    this.body.value = text;
    this.wrong = h("p", { class: "wrong", id: "body-wrong" });
    return h("div", { class: "input" },
      h("label", { for: "in-body" }, "body ", h("span", { class: "in" }, kind)), this.body, this.wrong);
  }

  check() {
    this.wrong.textContent = "";
    if (this.kind !== "application/json") return;
    try {
      JSON.parse(this.body.value);
      this.body.removeAttribute("aria-invalid");
    } catch (error) {
      this.wrong.textContent = error.message;
      this.body.setAttribute("aria-invalid", "true");
    }
  }

  /** What the form says, as a request. Its missing are parameters that have to be there. */
  make() {
    let path = this.operation.path;
    const query = new URLSearchParams();
    const headers = { Accept: "application/json, */*;q=0.5" };
    const missing = [];
    for (const { parameter, field, list } of this.inputs) {
      const values = valuesOf(field, list);
      if (parameter.required && values.length === 0) missing.push(field);
      if (parameter.in === "path") {
        const parts = parameter["x-rest"] ? (values[0] ?? "").split("/") : [values[0] ?? ""];
        path = path.replace(`{${parameter.name}}`, () => parts.map(encodeURIComponent).join("/"));
      } else if (parameter.in === "query") {
        values.forEach((value) => query.append(parameter.name, value));
      } else if (parameter.in === "header" && values.length > 0) {
        headers[parameter.name] = values.join(", ");
      }
    }
    this.page.access.apply(this.operation, headers, query);
    if (this.body) headers["Content-Type"] = this.kind;
    const asked = query.toString();
    return {
      url: this.page.base() + path + (asked && "?" + asked), missing, headers,
      method: this.operation.method.toUpperCase(), body: this.body?.value,
    };
  }

  preview() {
    const { url, method, headers, body } = this.make();
    const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
    const parts = [`curl ${method === "GET" ? "" : `-X ${method} `}${quote(url)}`];
    for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quote(`${name}: ${value}`)}`);
    if (body !== undefined) parts.push(`--data-raw ${quote(body)}`);
    this.curl.textContent = parts.join(" \\\n  ");
  }

  async submit(event) {
    event.preventDefault();
    const { url, missing, ...init } = this.make();
    this.inputs.forEach(({ field }) => field.toggleAttribute("aria-invalid", missing.includes(field)));
    if (missing.length > 0) return missing[0].focus();
    this.running?.abort();
    const running = (this.running = new AbortController());
    this.send.textContent = "Send again";
    this.answer.replaceChildren(h("p", { class: "faint waiting" }, "Waiting for the answer… ",
      h("button", { type: "button", class: "quiet", onclick: () => running.abort() }, "Cancel")));
    const begin = performance.now();
    try {
      const response = await fetch(url, { ...init, credentials: "include", signal: running.signal });
      const text = await response.text();
      if (this.running === running) this.show(response, text, performance.now() - begin);
    } catch (error) {
      if (this.running !== running) return;
      this.answer.replaceChildren(h("p", { class: "notice" },
        error.name === "AbortError" ? "Cancelled." : `There is no answer: ${error.message}. The server may be down, or on another origin that does not let this page ask.`));
    }
  }

  show(response, text, time) {
    const headers = [...response.headers];
    this.answer.replaceChildren(
      h("p", { class: "status-line" },
        h("strong", { class: `status s${String(response.status)[0]}` }, `${response.status} ${response.statusText}`.trim()),
        h("span", {}, `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`),
        h("span", {}, size(new Blob([text]).size)),
        text !== "" && copy(() => text)),
      h("details", {}, h("summary", {}, `${headers.length} headers`),
        h("dl", { class: "headers" }, headers.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]))),
      text === "" ? h("p", { class: "faint" }, "The answer is empty.") : shown(text, response.headers.get("Content-Type") ?? ""));
    this.answer.scrollIntoView({ block: "nearest" });
  }
}

function shown(text, kind) {
  if (text.length <= maxShown && /[/+]json\b/.test(kind)) {
    try {
      JSON.parse(text);
      return json(text);
    } catch {
      // then as it is
    }
  }
  const rest = text.length - maxShown;
  return [h("pre", { tabindex: "0" }, text.slice(0, maxShown)), rest > 0 && h("p", { class: "faint" }, `… and ${rest} more characters.`)];
}

function valuesOf(field, list) {
  if (field instanceof HTMLFieldSetElement) return [...field.querySelectorAll(":checked")].map((one) => one.value);
  const values = list ? field.value.split("\n") : [field.value];
  return values.filter((value) => value !== "");
}

function hint(schema, schemas) {
  if (schema.examples?.length) return String(schema.examples[0]);
  return schema.format === "date-time" ? String(schemas.example(schema)) : schemas.label(schema);
}

function size(bytes) {
  return bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KiB`;
}

/** What a client shows of itself. It is kept as long as the page is open, and nowhere else. */
export class Access {
  constructor(schemes) {
    this.schemes = Object.entries(schemes ?? {});
    this.given = {};
  }

  apply(operation, headers, query) {
    for (const alternative of operation.security ?? []) {
      const names = Object.keys(alternative);
      for (const name of names) this.add(name, headers, query);
      if (names.some((name) => this.given[name])) return;
    }
  }

  add(name, headers, query) {
    const scheme = this.schemes.find(([known]) => known === name)?.[1];
    const given = this.given[name];
    if (!scheme || !given) return;
    if (scheme.type === "apiKey" && scheme.in === "header") headers[scheme.name] = given;
    if (scheme.type === "apiKey" && scheme.in === "query") query.set(scheme.name, given);
    if (scheme.type === "http") headers.Authorization = scheme.scheme === "basic" ? `Basic ${base64(given)}` : `Bearer ${given}`;
  }

  /** The dialog that asks for it. */
  dialog(changed) {
    const fields = this.schemes.map(([name, scheme]) => {
      const set = (event) => {
        this.given[name] = event.target.value;
        changed();
      };
      if (scheme.type === "apiKey" && scheme.in === "cookie") {
        return h("p", {}, h("strong", {}, name), ": the browser sends the cookie ", h("code", {}, scheme.name), " by itself, once you are logged in.");
      }
      const what = scheme.type === "apiKey" ? scheme.name : scheme.scheme === "basic" ? "name:password" : "token";
      return h("div", { class: "input" }, h("label", { for: `access-${name}` }, name, " ", h("span", { class: "in" }, what)),
        h("input", { id: `access-${name}`, type: "password", autocomplete: "off", oninput: set }));
    });
    const dialog = h("dialog", { "aria-label": "Access", onclick: (event) => event.target === dialog && dialog.close() },
      h("form", { method: "dialog" }, h("h2", {}, "Access"), fields,
        h("p", { class: "faint" }, "Kept until this page is closed, and nowhere else."),
        h("div", { class: "row" }, h("button", { class: "send" }, "Done"))));
    return dialog;
  }
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** The line of an operation that says what it is asked with. */
export function line(operation, path) {
  return h("p", { class: "address" }, method(operation.method), h("code", {}, path), copy(() => operation.path));
}
