// What a schema says, as a tree and as an example.

import { h, inline } from "./dom.js";

export class Schemas {
  constructor(api) {
    this.api = api;
  }

  /** What a reference points at, wherever in the document, with what stands beside it. */
  resolve(value) {
    for (let i = 0; value?.$ref && i < 20; i++) {
      const { $ref, ...beside } = value;
      const target = $ref.replace(/^#\//, "").split("/")
        .reduce((at, key) => at?.[decodeURIComponent(key).replaceAll("~1", "/").replaceAll("~0", "~")], this.api);
      value = { ...target, ...beside };
    }
    return value ?? {};
  }

  /** A type in a word or two, as in "Unit[]". */
  label(schema) {
    if (schema?.$ref) return schema.$ref.split("/").pop();
    if (schema?.anyOf) return schema.anyOf.map((one) => this.label(one)).join(" | ");
    if (schema?.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
    const types = [schema?.type ?? "any"].flat();
    return types.map((type) => {
      if (type === "array") return this.element(schema.items);
      if (type === "object" && schema.additionalProperties) return `map of ${this.label(schema.additionalProperties)}`;
      return type;
    }).join(" | ");
  }

  element(items) {
    const of = this.label(items);
    return of.includes(" ") ? `(${of})[]` : `${of}[]`;
  }

  /** The part of a schema that has fields, or undefined. */
  fields(schema, depth = 0) {
    const whole = this.resolve(schema);
    if (whole.properties) return whole;
    if (depth > 8) return undefined;
    for (const inner of [whole.items, whole.additionalProperties, ...(whole.anyOf ?? [])]) {
      const found = inner && this.fields(inner, depth + 1);
      if (found) return found;
    }
    return undefined;
  }

  /** The fields of a schema; what is within them is made when it is opened. */
  tree(schema, out) {
    const of = this.fields(schema);
    const whole = this.resolve(schema);
    if (!of) {
      return this.facts(whole) && h("div", { class: "fields" }, h("div", { class: "field" }, this.facts(whole)));
    }
    const rows = Object.entries(of.properties).map(([name, one]) => this.field(name, one, of.required?.includes(name), out));
    return h("div", { class: "fields" },
      of.description && h("p", { class: "about" }, inline(of.description)),
      rows.length ? rows : h("div", { class: "field faint" }, "No fields"));
  }

  /** A field. Of what is answered, those are marked that may not be there. */
  field(name, schema, required, out) {
    const whole = this.resolve(schema);
    const head = [
      h("span", { class: "name" }, name), " ", h("span", { class: "type" }, this.label(schema)),
      required && !out && h("span", { class: "required" }, "required"),
      !required && out && h("span", { class: "optional" }, "optional"),
    ];
    const inner = this.fields(schema);
    const description = inner ? schema.description : whole.description; // that of a component is in its tree
    const about = [description && h("p", {}, inline(description)), this.facts(whole)];
    if (!inner) return h("div", { class: "field" }, h("div", { class: "head" }, head), about);
    const details = h("details", {
      ontoggle: () => {
        if (details.open && details.children.length === 1) details.append(this.tree(schema, out));
      },
    }, h("summary", { class: "head" }, head));
    return h("div", { class: "field" }, details, about);
  }

  /** Limits, formats and examples, in small print. */
  facts(schema) {
    const facts = [];
    const say = (text) => facts.push(h("li", {}, text));
    const amount = (n, of) => (of ? `${n} ${n === 1 ? of : of + "s"}` : String(n));
    const range = (low, high, of) => {
      if (low !== undefined && low === high) return say(amount(low, of));
      if (low !== undefined) say("≥ " + amount(low, of));
      if (high !== undefined) say("≤ " + amount(high, of));
    };
    if (schema.deprecated) say("deprecated");
    if (schema.format) say(schema.format);
    if (schema.contentEncoding) say(schema.contentEncoding);
    const choices = schema.enum ?? this.resolve(schema.items).enum;
    if (choices) say(choices.map((one) => JSON.stringify(one)).join(", "));
    range(schema.minimum, schema.maximum, "");
    if (schema.exclusiveMinimum !== undefined) say(`> ${schema.exclusiveMinimum}`);
    if (schema.exclusiveMaximum !== undefined) say(`< ${schema.exclusiveMaximum}`);
    range(schema.minLength, schema.maxLength, "character");
    range(schema.minItems, schema.maxItems, "element");
    if (schema.pattern) say(h("code", {}, schema.pattern));
    for (const example of schema.examples ?? []) say(["e.g. ", h("code", {}, JSON.stringify(example))]);
    return facts.length > 0 && h("ul", { class: "facts" }, facts);
  }

  /** A value that fits a schema, more or less. */
  example(schema, within = []) {
    const ref = schema?.$ref;
    if (ref && within.includes(ref)) return null;
    if (ref) within = [...within, ref];
    const of = this.resolve(schema);
    if (of.examples?.length) return of.examples[0];
    if (of.enum?.length) return of.enum[0];
    if (of.anyOf) return this.example(of.anyOf[0], within);
    switch ([of.type].flat()[0]) {
      case "object": return this.exampleObject(of, within);
      case "array": return this.exampleArray(of, within);
      case "string": return exampleText(of);
      case "boolean": return true;
      case "integer":
      case "number": return Math.max(of.minimum ?? 0, of.exclusiveMinimum !== undefined ? of.exclusiveMinimum + 1 : 0, Math.min(1, of.maximum ?? 1));
    }
    return null;
  }

  exampleObject(of, within) {
    const out = {};
    for (const [name, one] of Object.entries(of.properties ?? {})) {
      if (!this.returns(one, within)) out[name] = this.example(one, within);
    }
    if (of.additionalProperties) out.key = this.example(of.additionalProperties, within);
    return out;
  }

  exampleArray(of, within) {
    return this.returns(of.items, within) ? [] : Array(Math.min(Math.max(of.minItems ?? 1, 1), 4)).fill(this.example(of.items, within));
  }

  /** Whether a schema leads to where it came from. */
  returns(schema, within) {
    return [schema, schema?.items, ...(schema?.anyOf ?? [])].some((one) => one?.$ref && within.includes(one.$ref));
  }
}

function exampleText(of) {
  switch (of.format) {
    case "date-time": return new Date().toISOString().slice(0, 19) + "Z";
    case "email": return "ada@example.com";
    case "uri": return "https://example.com/";
    case "uuid": return "01890a5d-ac96-774b-bcce-b302099a8057";
    case "password": return "secret";
  }
  return of.contentEncoding ? "aGVsbG8=" : "text".padEnd(of.minLength ?? 0, "…").slice(0, of.maxLength ?? 1000);
}
