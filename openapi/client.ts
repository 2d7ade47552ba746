/** What a call takes, as in Input<"showUnit">. */
export type Input<Name extends keyof Client> = Exclude<Parameters<Client[Name]>[0], undefined>;

/** What a call answers, as in Output<"showUnit">. */
export type Output<Name extends keyof Client> = Awaited<ReturnType<Client[Name]>>;

export interface ClientOptions {
  /** Where the API is, as in "https://api.example.com". Without it: where the page is. */
  baseUrl?: string;
  /** Sent with each request. A function is asked each time, as for a token that changes. */
  headers?: HeadersInit | (() => HeadersInit | Promise<HeadersInit>);
  /** "include" sends cookies to another origin, too. */
  credentials?: RequestCredentials;
  /** Instead of the global fetch. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

export interface CallOptions {
  signal?: AbortSignal;
  headers?: HeadersInit;
}

/** An answer that is an error: RFC 9457. */
export class Problem extends Error {
  readonly status: number;
  /** Of the status, as in "Not Found". */
  readonly title: string;
  /** For whoever called. */
  readonly detail: string;
  /** What is wrong with each field, as in "address.city"; "" is the whole. */
  readonly errors: { readonly [field: string]: string[] | undefined };
  readonly requestId: string | undefined;

  constructor(status: number, details: Partial<Details>) {
    super(details.detail || details.title || `status ${status}`);
    this.name = "Problem";
    this.status = status;
    this.title = details.title ?? "";
    this.detail = details.detail ?? "";
    this.errors = details.errors ?? {};
    this.requestId = details.request_id;
  }
}

interface Details {
  title: string;
  detail: string;
  errors: { [field: string]: string[] };
  request_id: string;
}

interface Route {
  method: string;
  path: string;
  query?: string[];
  header?: string[];
  /** There is a body: the input, without these. */
  body?: string[];
}

/**
 * Makes a client. A call rejects with a Problem if the answer is an error, and with what
 * fetch rejects with if there is no answer.
 */
export function createClient(options: ClientOptions = {}): Client {
  const client: { [name: string]: unknown } = {};
  for (const [name, route] of Object.entries<Route>(routes)) {
    client[name] = (input?: unknown, call?: CallOptions) => send(name, route, options, input ?? {}, call ?? {});
  }
  return client as unknown as Client;
}

async function send(name: string, route: Route, options: ClientOptions, input: object, call: CallOptions): Promise<unknown> {
  const values = input as { [key: string]: unknown };
  const headers = new Headers(typeof options.headers === "function" ? await options.headers() : options.headers);
  new Headers(call.headers).forEach((value, key) => headers.set(key, value));
  headers.set("Accept", "application/json");
  for (const key of route.header ?? []) {
    const value = values[key];
    if (Array.isArray(value)) {
      value.forEach((one) => headers.append(key, String(one)));
    } else if (value !== undefined && value !== null) {
      headers.set(key, String(value));
    }
  }

  const init: RequestInit = { method: route.method, headers };
  if (options.credentials !== undefined) init.credentials = options.credentials;
  if (call.signal !== undefined) init.signal = call.signal;
  if (route.body !== undefined) {
    headers.set("Content-Type", "application/json");
    init.body = JSON.stringify(Array.isArray(input) ? input : without(values, route.body));
  }

  const url = (options.baseUrl ?? "").replace(/\/+$/, "") + pathOf(name, route, values) + queryOf(route, values);
  const response = await (options.fetch ?? fetch)(url, init);
  const text = await response.text();
  const json = /^application\/(problem\+)?json\b/i.test(response.headers.get("Content-Type") ?? "");
  if (!response.ok) {
    throw new Problem(response.status, json ? parse(text) : { title: response.statusText });
  }
  return text === "" ? undefined : JSON.parse(text);
}

function parse(text: string): Partial<Details> {
  try {
    return (JSON.parse(text) as Partial<Details> | null) ?? {};
  } catch {
    return {};
  }
}

function without(values: { [key: string]: unknown }, names: string[]): { [key: string]: unknown } {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
}

/** A part that is empty or leads up would be another address. */
function pathOf(name: string, route: Route, values: { [key: string]: unknown }): string {
  return route.path.replace(/\{([^}]+?)(\.\.\.)?\}/g, (_, key: string, rest?: string) => {
    const text = String(values[key] ?? "");
    const parts = rest ? text.split("/") : [text];
    if ((!rest && text === "") || parts.includes(".") || parts.includes("..")) {
      throw new TypeError(`${name}: ${key} cannot be ${JSON.stringify(values[key])}`);
    }
    return parts.map(encodeURIComponent).join("/");
  });
}

function queryOf(route: Route, values: { [key: string]: unknown }): string {
  const query = new URLSearchParams();
  for (const key of route.query ?? []) {
    const value = values[key];
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) query.append(key, String(one));
    }
  }
  const text = query.toString();
  return text === "" ? "" : "?" + text;
}
