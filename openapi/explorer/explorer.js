// The page: a list of operations on the left, and the one that the address names.

import { h, inline, json, method, path, prose } from "./dom.js";
import { Access, Request, line } from "./request.js";
import { Schemas } from "./schema.js";

const methods = ["get", "post", "put", "patch", "delete", "head", "options"];

class Page {
  constructor(api, address) {
    this.api = api;
    this.address = address;
    this.schemas = new Schemas(api);
    this.access = new Access(api.components?.securitySchemes);
    this.server = 0;
    this.operations = operationsOf(api, this.schemas);
    this.main = h("main", { id: "main", tabindex: "-1" });
    document.title = api.info.title;
    document.body.replaceChildren(this.header(), h("div", { class: "columns" }, this.list(), this.main));
    window.addEventListener("hashchange", () => this.show(true));
    document.addEventListener("keydown", (event) => this.key(event));
    this.show(false);
  }

  /** Where the API is, without a slash at the end. */
  base() {
    const url = this.api.servers?.[this.server]?.url ?? "/";
    return new URL(url, this.address).href.replace(/\/+$/, "");
  }

  header() {
    const servers = this.api.servers ?? [];
    const refresh = () => this.request?.preview();
    const dialog = this.access.schemes.length > 0 && this.access.dialog(refresh);
    return h("header", {},
      h("a", { class: "skip", href: "#", onclick: (event) => { event.preventDefault(); this.main.focus(); } }, "Skip to content"),
      h("a", { class: "home", href: "#" }, h("img", { src: "icon.svg", alt: "", width: 24, height: 24 }), h("strong", {}, this.api.info.title)),
      h("span", { class: "version" }, this.api.info.version),
      h("span", { class: "gap" }),
      servers.length > 1 && h("select", {
        "aria-label": "Server",
        onchange: (event) => { this.server = Number(event.target.value); refresh(); },
      }, servers.map((one, i) => h("option", { value: i }, one.description || one.url))),
      dialog && h("button", { type: "button", class: "quiet", onclick: () => dialog.showModal() }, "Access"), dialog,
      h("a", { class: "quiet", href: this.address }, "JSON"),
      h("button", { type: "button", class: "quiet theme", "aria-label": "Light or dark", title: "Light or dark", onclick: turn }, "◐"));
  }

  list() {
    this.filter = h("input", {
      type: "search", placeholder: "Filter", "aria-label": "Filter operations", autocomplete: "off", spellcheck: "false",
      oninput: () => this.sift(),
    });
    this.none = h("p", { class: "faint", hidden: true }, "Nothing fits.");
    this.nav = h("nav", { "aria-label": "Operations" },
      h("div", { class: "filter" }, this.filter, h("kbd", { title: "Press / to filter" }, "/")),
      this.groups().map(([tag, operations]) => h("section", {}, h("h2", {}, tag.name), h("ul", {}, operations.map((one) => this.entry(one))))),
      this.none);
    return this.nav;
  }

  entry(one) {
    const link = h("a", { href: `#${one.operationId}`, title: `${one.method.toUpperCase()} ${one.path}` },
      method(one.method, true), h("span", { class: "label" }, one.summary || one.operationId));
    if (one.deprecated) link.classList.add("deprecated");
    one.link = link;
    one.words = [one.operationId, one.summary, one.method, one.path, ...one.tags].join(" ").toLowerCase();
    return h("li", {}, link);
  }

  groups() {
    const tags = this.api.tags ?? [];
    return tags.map((tag) => [tag, this.operations.filter((one) => one.tags.includes(tag.name))]).filter(([, some]) => some.length > 0);
  }

  sift() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const one of this.operations) {
      for (const row of [one.link.parentElement, one.row]) row && (row.hidden = !words.every((word) => one.words.includes(word)));
    }
    for (const section of document.querySelectorAll("nav section, .group")) section.hidden = !section.querySelector("li:not([hidden])");
    this.none.hidden = this.nav.querySelector("section:not([hidden])") !== null;
  }

  key(event) {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    const inList = this.nav.contains(event.target);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      if (!this.filter.offsetParent) location.hash = ""; // on a phone the list is the first page
      this.filter.focus();
    } else if (event.key === "Escape" && event.target === this.filter) {
      this.filter.value = "";
      this.sift();
    } else if (inList && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const links = [this.filter, ...[...this.nav.querySelectorAll("a")].filter((link) => link.offsetParent)];
      links[links.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
    } else if (event.key === "Enter" && event.target === this.filter) {
      [...this.nav.querySelectorAll("a")].find((link) => link.offsetParent)?.click();
    }
  }

  show(moved) {
    const id = decodeURIComponent(location.hash.slice(1));
    const one = this.operations.find((operation) => operation.operationId === id);
    this.request = undefined;
    document.body.classList.toggle("at-operation", one !== undefined);
    for (const operation of this.operations) {
      if (operation === one) operation.link.setAttribute("aria-current", "page");
      else operation.link.removeAttribute("aria-current");
    }
    this.main.replaceChildren(...(one ? this.operation(one) : this.overview()).filter(Boolean));
    this.sift();
    document.title = one ? `${one.summary || id} · ${this.api.info.title}` : this.api.info.title;
    if (moved) {
      window.scrollTo(0, 0);
      this.main.focus({ preventScroll: true });
    }
    one?.link.scrollIntoView({ block: "nearest" });
  }

  overview() {
    const { info } = this.api;
    return [
      h("h1", {}, info.title, " ", h("span", { class: "version" }, info.version)),
      h("div", { class: "prose" }, prose(info.description)),
      h("p", { class: "faint" }, `${this.operations.length} operations at `, h("code", {}, this.base())),
      h("div", { class: "groups" }, this.groups().map(([tag, operations]) => h("section", { class: "group" },
        h("h2", {}, tag.name), tag.description && h("p", { class: "faint" }, inline(tag.description)),
        h("ul", {}, operations.map((one) => this.row(one)))))),
    ];
  }

  row(one) {
    one.row = h("li", {}, h("a", { href: `#${one.operationId}`, class: one.deprecated && "deprecated" },
      method(one.method), h("code", {}, path(one.path)), h("span", { class: "what" }, one.summary || one.operationId)));
    return one.row;
  }

  operation(one) {
    this.request = new Request(this, one);
    return [
      h("a", { class: "back", href: "#" }, "← All operations"),
      h("h1", {}, one.summary || one.operationId, one.deprecated && h("span", { class: "badge" }, "deprecated")),
      line(one, path(one.path)),
      h("div", { class: "operation" },
        h("div", { class: "about" },
          h("div", { class: "prose" }, prose(one.description)),
          this.guard(one), this.parameters(one), this.body(one), this.responses(one)),
        this.request.form),
    ];
  }

  guard(one) {
    const names = (one.security ?? []).map((alternative) => Object.keys(alternative).join(" and "));
    return names.length > 0 && h("p", { class: "guard" }, "Needs ", names.map((name, i) => [i > 0 && " or ", h("code", {}, name)]), ".");
  }

  parameters(one) {
    if (one.parameters.length === 0) return null;
    const kinds = [...new Set(one.parameters.map((parameter) => parameter.in))];
    return kinds.map((kind) => h("section", {}, h("h2", {}, { path: "Path", query: "Query", header: "Headers", cookie: "Cookies" }[kind]),
      h("div", { class: "fields" }, one.parameters.filter((parameter) => parameter.in === kind).map((parameter) => {
        const described = { ...parameter.schema };
        if (parameter.description) described.description = parameter.description;
        return this.schemas.field(parameter.name, described, parameter.required);
      }))));
  }

  body(one) {
    const content = Object.entries(one.requestBody?.content ?? {});
    return content.map(([kind, media]) => h("section", {}, h("h2", {}, "Body ", h("span", { class: "in" }, kind)), this.both(media.schema)));
  }

  /** A schema and an example of it. */
  both(schema, out) {
    if (!schema) return null;
    return [
      h("p", { class: "type-line" }, h("span", { class: "type" }, this.schemas.label(schema))),
      this.schemas.tree(schema, out),
      h("details", { class: "example" }, h("summary", {}, "Example"), json(JSON.stringify(this.schemas.example(schema)))),
    ];
  }

  responses(one) {
    const all = Object.entries(one.responses).sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b));
    return h("section", {}, h("h2", {}, "Answers"), h("div", { class: "responses" }, all.map(([status, given]) => {
      const response = this.schemas.resolve(given);
      const contents = Object.entries(response.content ?? {});
      const head = [h("strong", { class: `status s${status === "default" ? "4" : status[0]}` }, status), h("span", {}, response.description)];
      if (contents.length === 0) return h("div", { class: "response" }, h("div", { class: "head" }, head));
      const details = h("details", {
        class: "response", open: status[0] === "2",
        ontoggle: () => details.open && details.children.length === 1 && fill(),
      }, h("summary", { class: "head" }, head));
      const fill = () => details.append(...contents.map(([kind, media]) => h("div", { class: "content" }, h("p", { class: "in" }, kind), this.both(media.schema, true))));
      if (details.open) fill();
      return details;
    })));
  }
}

function rank(status) {
  return status === "default" ? 1000 : parseInt(status) || 0;
}

function operationsOf(api, schemas) {
  const all = [];
  for (const [path, item] of Object.entries(api.paths ?? {})) {
    for (const method of methods) {
      if (!item[method]) continue;
      const one = { tags: ["root"], responses: {}, ...item[method], method, path };
      one.operationId ??= `${method} ${path}`;
      one.parameters = [...(item.parameters ?? []), ...(one.parameters ?? [])].map((parameter) => schemas.resolve(parameter));
      all.push(one);
    }
  }
  return all;
}

function turn() {
  const dark = getComputedStyle(document.documentElement).getPropertyValue("--dark").trim() === "1";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("openapi-theme", document.documentElement.dataset.theme);
  } catch {
    // then only for now
  }
}

async function start() {
  const address = new URL(document.querySelector('meta[name="openapi"]').content, document.baseURI).href;
  try {
    const response = await fetch(address, { credentials: "include", headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    new Page(await response.json(), address);
  } catch (error) {
    document.body.replaceChildren(h("p", { class: "notice" }, `The document at ${address} cannot be shown: ${error.message}`));
  }
}

try {
  const theme = localStorage.getItem("openapi-theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // a browser that keeps nothing
}
start();
