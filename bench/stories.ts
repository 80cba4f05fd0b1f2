/**
 * `node bench/stories.ts`: runs the five stories of docs/lineage.md with the product as its users
 * have it, and writes what `holdfast why` and the health of the session say of each into
 * docs/STORIES.md. Somebody who has not seen the code must be able to tell from it what happened.
 * Needs root, bwrap and python3.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Story } from "../test/e2e/story-kit.ts";

const SETTINGS = {
  HOLDFAST_CREATE_DEADLINE: "30s",
  HOLDFAST_STALL_DEADLINE: "3s",
  HOLDFAST_ACTIVATE_DEADLINE: "20s",
};
const IMAGE = "daytonaio/sandbox:0.6.0";

interface Told {
  readonly title: string;
  /** What was done to bring it about. */
  readonly happened: string;
  readonly parts: readonly Part[];
}

interface Part {
  readonly when: string;
  readonly command: string;
  readonly output: string;
  readonly health?: string;
}

const sleep = (waitMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, waitMs));

const story = await Story.open(SETTINGS);
const files = mkdtempSync(join(tmpdir(), "hf-stories-"));

async function partOf(when: string, name: string): Promise<Part> {
  const [why, health] = [await story.run("why", name), await story.run("health", name, "--json")];
  const pretty = JSON.stringify(JSON.parse(health.stdout), null, 2);
  return { when, command: `holdfast why ${name}`, output: why.stdout, health: pretty };
}

interface Seen {
  readonly state: string;
  readonly disagreement: string | null;
}

async function untilHealth(name: string, holds: (health: Seen) => boolean): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (holds(await story.json<Seen>("health", name))) return;
    await sleep(100);
  }
  throw new Error(`${name} never came to that`);
}

async function brokenResume(): Promise<Told> {
  const { session } = await story.create("resumed");
  await story.run("pause", "resumed");
  await story.fault("root-unmounted", { sandbox: session.sandboxId });
  await story.run("resume", "resumed", "--no-wait");
  await untilHealth("resumed", ({ disagreement }) => disagreement?.includes("failed") === true);
  const early = await partOf("Seconds after the resume", "resumed");
  await untilHealth("resumed", ({ state }) => state === "error");
  const late = await partOf("When the hub had come to its verdict", "resumed");
  await story.calm();
  await story.run("rm", "resumed");
  return {
    title: "A resumed sandbox that is started and dead",
    happened:
      "The session was paused, and its files were unmounted while it slept, as on the platform " +
      "of the report. Then it was resumed. The platform says started.",
    parts: [early, late],
  };
}

async function stuckCreate(): Promise<Told> {
  await story.fault("create-stuck");
  await story.fault("delete-409");
  await story.create("stuck");
  const part = await partOf("When `holdfast new` had ended", "stuck");
  await story.calm();
  await story.run("rm", "stuck");
  return {
    title: "A create that never ends",
    happened:
      "Every create stays in creating, and every delete is refused with 409 meanwhile. The " +
      "deadline of a start was set to 30 s, and that of one try to 3 s, to keep the story short.",
    parts: [part],
  };
}

async function deafApp(): Promise<Told> {
  const file = join(files, "app.yaml");
  writeFileSync(file, "start: exec sleep 90\nport: 8000\nhealth: {path: /, timeout: 30s}\n");
  const run = story.run("run", file, "--json");
  type Listed = { readonly name: string; readonly state: string };
  let name = "";
  for (let tries = 0; tries < 300 && name === ""; tries++) {
    const { stdout } = await story.run("ls", "--json");
    const lines = stdout.trim() === "" ? [] : stdout.trim().split("\n");
    const all = lines.flatMap((line) => JSON.parse(line) as Listed | readonly Listed[]);
    name = all.find(({ state }) => state === "connected")?.name ?? "";
    await sleep(100);
  }
  const part = await partOf("While the run waited for the app", name);
  const { stdout } = await run;
  const result = JSON.stringify(JSON.parse(stdout), null, 2);
  const end = { when: "What the run answered", command: "holdfast run app.yaml --json" };
  return {
    title: "An app that never listens",
    happened:
      "An evaluation starts an app in a sandbox of its own and waits until it is healthy. This " +
      "app only sleeps: the session is well, and the run says whose failure it was.",
    parts: [part, { ...end, output: result }],
  };
}

async function inactiveSnapshot(): Promise<Told> {
  const { id } = await story.platform<{ id: string }>("GET", "/snapshots/default");
  await story.platform("POST", `/snapshots/${id}/deactivate`);
  await story.fault("activate-refused");
  await story.create("substitute", "--snapshot", "default", "--fallback-image", IMAGE);
  const part = await partOf("When it was connected", "substitute");
  await story.calm();
  await story.platform("POST", `/snapshots/${id}/activate`);
  await story.run("rm", "substitute");
  return {
    title: "A snapshot that went inactive",
    happened:
      "The snapshot is inactive and the platform refuses to activate it. An image to fall back " +
      "to was named.",
    parts: [part],
  };
}

async function lostInCode(): Promise<Told> {
  const { session } = await story.create("worker");
  await story.fault("deleted", { sandbox: session.sandboxId });
  const words = ["code", "worker", "--lang", "python", "--retries", "3", "--restart", "-"];
  const { stdout, stderr } = await story.cli.run(words, { input: "print(6 * 7)" });
  const part = await partOf("After the call", "worker");
  await story.run("rm", "worker");
  const command = `echo 'print(6 * 7)' | holdfast ${words.join(" ")}`;
  return {
    title: "A sandbox that is lost under a call",
    happened:
      "Somebody deletes the sandbox of a session. The next call runs code in it, and may have a " +
      "fresh one for its retry.",
    parts: [{ when: "The call", command, output: `${stdout}${stderr}` }, part],
  };
}

/** The same for everybody: where the state lies here is nobody's business. */
function plain(text: string): string {
  return text.replaceAll(story.cli.home, "~/.holdfast").trimEnd();
}

function chapter({ title, happened, parts }: Told): string {
  const told = parts.map(({ when, command, output, health }) => {
    const screen = `${when}:\n\n\`\`\`\n$ ${command}\n${plain(output)}\n\`\`\`\n`;
    if (health === undefined) return screen;
    const json = `\`\`\`json\n${plain(health)}\n\`\`\``;
    return `${screen}\n<details><summary>health as JSON</summary>\n\n${json}\n\n</details>\n`;
  });
  return `## ${title}\n\n${happened}\n\n${told.join("\n")}`;
}

const HEAD = `# Stories

What the hub says of the five reports that it was made for ([lineage](lineage.md)), each brought
about on the local platform and told by the hub itself. Written by \`node bench/stories.ts\` from one
run; the tests that hold each of them are in \`test/e2e\`.
`;

try {
  const told = [
    await brokenResume(),
    await stuckCreate(),
    await deafApp(),
    await inactiveSnapshot(),
    await lostInCode(),
  ];
  const text = [HEAD, ...told.map(chapter)].join("\n");
  writeFileSync(join(import.meta.dirname, "..", "docs", "STORIES.md"), text);
  process.stdout.write(`${told.length} stories\n`);
} finally {
  await story.close();
  rmSync(files, { recursive: true, force: true });
}
