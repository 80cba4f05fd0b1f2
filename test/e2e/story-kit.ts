/**
 * What the acceptance stories share: the product as its users have it (`holdfast up` with a
 * platform that can be told to fail), a stopwatch on each command, and figures that are printed.
 */
import { makeCliHome, type CliHome, type CommandEnd } from "./cli-kit.ts";

/** What the story reads of a session; the rest is printed as it came. */
export interface StorySession {
  readonly id: string;
  readonly state: string;
  readonly sandboxId: string | null;
  readonly source: {
    readonly kind: string;
    readonly name: string | null;
    readonly warning: string | null;
  } | null;
  readonly lastError: {
    readonly code: string;
    readonly category: string;
    readonly retryable: boolean;
    readonly message: string;
    readonly hint: string;
    readonly evidence: readonly { readonly what: string; readonly detail: string }[];
  } | null;
}

interface StoryEvent {
  readonly at: string;
  readonly kind: string;
  readonly detail: string | null;
  readonly text: string;
  readonly data: { readonly code?: unknown; readonly because?: { readonly code?: unknown } } | null;
}

export class Story {
  readonly cli: CliHome;
  readonly #apiUrl: string;
  readonly #apiKey: string;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(
    cli: CliHome,
    env: Readonly<Record<string, string>>,
    platform: { readonly apiUrl: string; readonly apiKey: string },
  ) {
    this.cli = cli;
    this.#env = env;
    this.#apiUrl = platform.apiUrl;
    this.#apiKey = platform.apiKey;
  }

  /** `holdfast up` with fault switches and these settings. */
  static async open(settings: Readonly<Record<string, string>>): Promise<Story> {
    const cli = await makeCliHome();
    const env = { HOLDFAST_PLATFORM_FAULTS: "on", ...settings };
    const up = await cli.run(["up", "--detach"], { env });
    if (up.exitCode !== 0) throw new Error(`up failed: ${up.stdout}${up.stderr}`);
    const info = await cli.run(["platform", "info", "--json"], { env });
    const platform = JSON.parse(info.stdout) as { apiUrl: string; apiKey: string };
    return new Story(cli, env, platform);
  }

  run(...words: readonly string[]): Promise<CommandEnd> {
    return this.cli.run(words, { env: this.#env });
  }

  async json<T>(...words: readonly string[]): Promise<T> {
    const { stdout, stderr } = await this.run(...words, "--json");
    if (stdout.trim() === "") throw new Error(`${words.join(" ")}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** The platform's own API, as whoever runs it would use it. */
  async platform<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.#apiUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#apiKey}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? null : JSON.parse(text)) as T;
  }

  fault(fault: string, more: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    return this.platform("POST", "/_faults", { fault, ...more });
  }

  calm(): Promise<unknown> {
    return this.platform("DELETE", "/_faults");
  }

  async sandboxes(): Promise<readonly { readonly name: string; readonly state: string }[]> {
    type Page = { readonly items: readonly { readonly name: string; readonly state: string }[] };
    return (await this.platform<Page>("GET", "/sandbox")).items;
  }

  /** One object a line, as the commands print what streams. */
  async timeline(name: string): Promise<readonly StoryEvent[]> {
    const { stdout } = await this.run("events", name, "--json");
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as StoryEvent);
  }

  /** `holdfast new` as a pipeline calls it: how it ended, and the session that it printed last. */
  async create(
    ...words: readonly string[]
  ): Promise<CommandEnd & { readonly session: StorySession }> {
    const end = await this.run("new", ...words, "--json");
    const last = end.stdout.trim().split("\n").at(-1) ?? "";
    if (last === "") throw new Error(`new ${words.join(" ")}: ${end.stderr}`);
    return { ...end, session: JSON.parse(last) as StorySession };
  }

  close(): Promise<void> {
    return this.cli.close();
  }
}

/** Seconds from the request to the first coded reason, and to the verdict. */
export function figuresOf(events: readonly StoryEvent[]): string {
  const beganAt = Date.parse(events[0]?.at ?? "");
  const seconds = (event: StoryEvent | undefined): string =>
    event === undefined ? "never" : `${((Date.parse(event.at) - beganAt) / 1_000).toFixed(2)} s`;
  const reason = events.find(({ data }) => typeof (data?.code ?? data?.because?.code) === "string");
  const verdict = events.find(({ kind }) => /^session\.(connected|failed)$/.test(kind));
  const code = [reason?.data?.code, reason?.data?.because?.code].find(
    (found) => typeof found === "string",
  );
  const first = `first typed reason ${code ?? "none"} after ${seconds(reason)}`;
  return `${first}, verdict after ${seconds(verdict)}`;
}

/** Into the run's output: the figures are what a story is for. */
export function tell(title: string, ...parts: readonly string[]): void {
  console.log([`--- ${title}`, ...parts.map((part) => part.trimEnd())].join("\n"));
}
