/**
 * What every check works with: the SDK as it is published, plain HTTP for what the SDK hides, one
 * sandbox that all may use and others that a check has for itself. Owns their names and their end.
 */
import type { Daytona, DaytonaConfig, Sandbox } from "@daytonaio/sdk";
import type * as publishedSdk from "@daytonaio/sdk";
import { sleep, withDeadline } from "../base/deadline.ts";
import type { Clock } from "../base/clock.ts";
import { fetchWhole, textOf } from "../base/fetch-whole.ts";
import { NotOffered } from "./check.ts";
import { askByName } from "./local-name.ts";

export interface Target {
  readonly apiUrl: string;
  readonly apiKey: string;
  /** Region; on Daytona the key's own when it is left out. */
  readonly target: string | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined when the body is no JSON. */
  readonly json: unknown;
}

export interface Ask {
  readonly body?: unknown;
  /** In place of a body of JSON. */
  readonly form?: FormData;
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of the right key; empty sends none. */
  readonly key?: string;
  readonly waitMs?: number;
  /** Where a redirect is the answer that is looked at. */
  readonly redirect?: "manual";
}

/** Something of this run that is to be deleted. */
interface Owed {
  readonly name: string;
  readonly remove: () => Promise<Pick<Answer, "status" | "text">>;
}

type Method = "GET" | "POST" | "PUT" | "DELETE";
type Sdk = typeof publishedSdk;

/** A call that takes longer says more about the machine than about the contract. */
const CALL_MS = 15_000;
const CREATE_SECONDS = 60;
/** Cleaning up goes on through the time in which a platform says 409. */
const CLEAN_MS = 20_000;
const CLEAN_STEP_MS = 500;
/** Minutes. What a run that was killed leaves behind stops, and then goes, by itself. */
const FORGOTTEN = { autoStopInterval: 10, autoDeleteInterval: 10 };
const POLL_MS = 100;

export class World {
  readonly sdk: Sdk;
  readonly daytona: Daytona;
  readonly clock: Clock;
  readonly target: Target;
  /** In every name that this run makes. */
  readonly run: string;
  readonly #clients: Daytona[] = [];
  readonly #owed: Owed[] = [];
  /** Sandboxes that were asked for. */
  asked = 0;
  #box: Promise<Sandbox> | null = null;

  private constructor(sdk: Sdk, target: Target, clock: Clock, run: string) {
    this.sdk = sdk;
    this.target = target;
    this.clock = clock;
    this.run = run;
    this.daytona = this.client();
  }

  static async open(target: Target, clock: Clock, run: string): Promise<World> {
    return new World(await import("@daytonaio/sdk"), target, clock, run);
  }

  /** Another client of the same platform, with what is different about it. */
  client(other: DaytonaConfig = {}): Daytona {
    const { apiUrl, apiKey, target } = this.target;
    const client = new this.sdk.Daytona({
      apiKey,
      apiUrl,
      ...(target === null ? {} : { target }),
      requestTimeoutMs: CALL_MS,
      useDeprecatedPolling: true,
      ...other,
    });
    this.#clients.push(client);
    return client;
  }

  /** A name that nobody has; the sandbox of that name is deleted at the end. */
  name(hint: string): string {
    const name = `conform-${this.run}-${hint}`;
    this.asked += 1;
    this.#owed.push({ name, remove: () => this.api("DELETE", `/sandbox/${name}`) });
    return name;
  }

  /** The same for what outlives sandboxes, where the check that made it ends before it is gone. */
  lastingName(kind: "snapshots" | "volumes"): string {
    const name = `conform-${this.run}`;
    const known = kind === "volumes" ? `/volumes/by-name/${name}` : `/snapshots/${name}`;
    const remove = async (): Promise<Answer> => {
      const found = await this.api("GET", known);
      const { id, state } = (found.json ?? {}) as { id?: unknown; state?: unknown };
      if (found.status >= 300) return found;
      if (/delet|remov/.test(String(state))) return { ...found, status: 404 };
      return this.api("DELETE", `/${kind}/${String(id)}`);
    };
    this.#owed.push({ name: `${kind} ${name}`, remove });
    return name;
  }

  /** The one that all checks share: they must leave it as it is. */
  box(): Promise<Sandbox> {
    this.#box ??= this.make("shared");
    return this.#box;
  }

  /** One of its own for a check. */
  make(hint: string, more: object = {}): Promise<Sandbox> {
    const params = { name: this.name(hint), ...FORGOTTEN, ...more };
    return this.daytona.create(params, { timeout: CREATE_SECONDS });
  }

  /** @throws NotOffered where the platform makes none of this class. */
  async makeOfClass(hint: string, sandboxClass: string): Promise<Sandbox> {
    const body = { name: this.name(hint), sandboxClass, ...FORGOTTEN };
    const answer = await this.api("POST", "/sandbox", { body, waitMs: CREATE_SECONDS * 1_000 });
    const made = answer.json as { sandboxClass?: unknown } | undefined;
    if (answer.status >= 300 || made?.sandboxClass !== sandboxClass) {
      throw new NotOffered(`no sandbox of class ${sandboxClass}: ${answer.text.slice(0, 160)}`);
    }
    const found = await this.daytona.get(body.name);
    if (found.state !== "started") await found.waitUntilStarted(CREATE_SECONDS);
    return found;
  }

  api(method: Method, path: string, ask: Ask = {}): Promise<Answer> {
    return this.ask(method, `${this.target.apiUrl.replace(/\/$/, "")}${path}`, ask);
  }

  toolbox(box: Sandbox, method: Method, path: string, ask: Ask = {}): Promise<Answer> {
    return this.ask(method, `${box.toolboxProxyUrl.replace(/\/$/, "")}/${box.id}${path}`, ask);
  }

  async ask(method: Method, url: string, ask: Ask = {}): Promise<Answer> {
    const key = ask.key ?? this.target.apiKey;
    const init: RequestInit = {
      method,
      headers: {
        ...(key === "" ? {} : { authorization: `Bearer ${key}` }),
        ...(ask.body === undefined ? {} : { "content-type": "application/json" }),
        ...ask.headers,
      },
      ...(ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }),
      ...(ask.form === undefined ? {} : { body: ask.form }),
      ...(ask.redirect === undefined ? {} : { redirect: ask.redirect }),
    };
    const waitMs = ask.waitMs ?? CALL_MS;
    const answer = await withDeadline(
      this.clock,
      waitMs,
      (signal) => fetchWhole(url, init, signal),
      () => new Error(`${method} ${new URL(url).pathname} has no answer after ${waitMs} ms`),
    );
    const text = textOf(answer);
    return { status: answer.status, headers: answer.headers, text, json: parsed(text) };
  }

  /** A preview address as a browser asks it: a name below localhost is this machine's. */
  async visit(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const at = new URL(url);
    if (!at.hostname.endsWith(".localhost")) {
      return this.ask("GET", url, { key: "", headers, redirect: "manual" });
    }
    const answer = await askByName(at, headers, CALL_MS);
    return { ...answer, json: parsed(answer.text) };
  }

  /** True once it holds, false when it does not in time. */
  async comes(holds: () => Promise<boolean> | boolean, waitMs: number): Promise<boolean> {
    const lateAt = this.clock.mono() + waitMs;
    while (!(await holds())) {
      if (this.clock.mono() > lateAt) return false;
      await sleep(this.clock, POLL_MS);
    }
    return true;
  }

  /** What the work gives, or null when it is not there in time. The work itself goes on. */
  async within<T>(waitMs: number, work: Promise<T>): Promise<T | null> {
    const late = new Error("late");
    try {
      return await withDeadline(
        this.clock,
        waitMs,
        () => work,
        () => late,
      );
    } catch (error) {
      if (error === late) return null;
      throw error;
    }
  }

  /** Deletes what was made; returns the names of what is left, each with the last answer. */
  async close(): Promise<readonly string[]> {
    const left = await Promise.all(this.#owed.map((one) => this.#clean(one)));
    await Promise.all(this.#clients.map((client) => client[Symbol.asyncDispose]()));
    return left.filter((one) => one !== null);
  }

  async #clean({ name, remove }: Owed): Promise<string | null> {
    let last = "";
    const gone = await this.comes(async () => {
      const failed = (error: unknown) => ({ status: 0, text: String(error) });
      const answer = await remove().catch(failed);
      last = `${name}: ${answer.status} ${answer.text.slice(0, 160)}`;
      if (answer.status === 404) return true;
      await sleep(this.clock, answer.status < 300 ? POLL_MS : CLEAN_STEP_MS);
      return false;
    }, CLEAN_MS);
    return gone ? null : last;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // No JSON is an answer that checks look at, too.
    return undefined;
  }
}
