/** Commands of somebody who is told of some sessions alone: they say what is theirs to know. */
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Principal } from "../../src/hub/auth/principal.ts";
import { ADMIN_TOKEN } from "../support/hub-http.ts";
import { hubServer, type HubServer } from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";
import { runCaptured } from "./capture.ts";

const APP = fileURLToPath(new URL("../../examples/web-app/app.yaml", import.meta.url));

let hub: HubServer;
let plainId: string;

beforeEach(async () => {
  const world = new HubWorld();
  hub = await hubServer(world);
  world.create({ name: "mine", tenant: "acme" });
  world.create({ name: "also", tenant: "acme" });
  world.create({ name: "secret", tenant: "beta" });
  plainId = world.create({ name: "plain" }).record.id;
  await world.clock.advanceAsync(5_000);
});
afterEach(() => hub.close());

type Seen = Pick<Principal, "tenant" | "sessions">;
const tenant: Seen = { tenant: "acme", sessions: null };
const guest = (): Seen => ({ tenant: null, sessions: [plainId] });

async function run(as: Seen | "admin", ...argv: string[]) {
  const made = { name: "t", role: "viewer", createdBy: "admin", forMs: 3_600_000 } as const;
  const token =
    as === "admin" ? ADMIN_TOKEN : (await hub.access.tokens.create({ ...made, ...as })).token;
  const url = `http://127.0.0.1:${hub.port}`;
  const home = "/nonexistent/holdfast";
  return runCaptured(argv, { HOLDFAST_URL: url, HOLDFAST_TOKEN: token, HOLDFAST_HOME: home });
}

interface Costs {
  readonly sessions: readonly { readonly name: string; readonly cost: object }[];
  readonly hub: object | null;
}

describe("[AU19] what sandboxes cost", () => {
  test.each([
    ["a tenant", () => tenant, ["acme/also", "acme/mine"], 10],
    ["a token for one session", guest, ["plain"], 5],
  ] as const)("%s is told of its own, with the sum over these", async (_, who, names, seconds) => {
    const json = await run(who(), "ls", "--cost", "--json");
    expect([json.stderr, json.exitCode]).toEqual(["", 0]);
    const costs = JSON.parse(json.stdout) as Costs;
    expect(costs.sessions.map(({ name }) => name).toSorted()).toEqual(names);
    expect(costs.hub).toBeNull();
    const { stdout, stderr, exitCode } = await run(who(), "ls", "--cost");
    expect(exitCode).toBe(0);
    const last = stdout.trimEnd().split("\n").at(-1);
    expect(last).toMatch(new RegExp(`^all of these +${seconds}\\.\\d* s `));
    expect(stdout).not.toContain("secret");
    expect(stderr).toContain("its own people are told");
  });

  test("the hub's own people are told of the hub, too", async () => {
    const { stdout } = await run("admin", "ls", "--cost", "--json");
    const { sessions, hub: whole } = JSON.parse(stdout) as Costs;
    expect(sessions).toHaveLength(4);
    expect(whole).toMatchObject({ now: { owned: 4 } });
    expect((await run("admin", "ls", "--cost")).stdout).toMatch(/^all, ever /m);
  });
});

describe("[AU19] a bundle", () => {
  test("of a tenant has all of its session, and of the hub nothing", async () => {
    const { stdout, stderr, exitCode } = await run(tenant, "bundle", "mine", "--json");
    expect([stderr, exitCode]).toEqual(["", 0]);
    const bundle = JSON.parse(stdout) as Record<string, unknown>;
    expect(bundle).toMatchObject({ platform: null, session: { name: "acme/mine" } });
    expect((bundle["timeline"] as unknown[]).length).toBeGreaterThan(3);
    const report = await run(tenant, "bundle", "mine", "--markdown");
    expect(report.stdout).toMatch(/^- platform: fake$/m);
  });

  test("of the hub's own people names the platform's address", async () => {
    const { stdout } = await run("admin", "bundle", "acme/mine", "--json");
    expect((JSON.parse(stdout) as { platform: object }).platform).toHaveProperty("apiUrl");
  });
});

describe("[AU19] what needs to know the platform", () => {
  test("doctor does not call it broken that a tenant is not told", async () => {
    const { stdout } = await run(tenant, "doctor", "--json");
    const { id, level, text } = findings(stdout).find((one) => one.id === "platform") ?? {};
    expect([id, level, text]).toEqual([
      "platform",
      "ok",
      expect.stringContaining("not this token's"),
    ]);
  });

  test("a run that asks for a platform says that it cannot know", async () => {
    const { stderr, exitCode } = await run(tenant, "run", APP, "--local");
    expect(exitCode).toBe(2);
    expect(stderr).toContain("does not tell this token on which platform");
    expect(stderr).toContain("Leave --local out");
  });
});

interface Finding {
  readonly id: string;
  readonly level: string;
  readonly text: string;
}

function findings(stdout: string): readonly Finding[] {
  const told = JSON.parse(stdout) as readonly Finding[] | { readonly checks: readonly Finding[] };
  return "checks" in told ? told.checks : told;
}
