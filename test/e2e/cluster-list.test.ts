/**
 * A list asked of any of three real hubs is the list of all three: while all live, while one stands
 * still, and when it is dead and the others have what it had.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApi } from "../../src/client/api.ts";
import { connectHub, dialBrowser } from "../../src/client/index.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { bin, runProgram } from "./cli-kit.ts";
import { HubGroup } from "./cluster-kit.ts";
import { TOKEN, type RealHub, type SessionView } from "./hub-kit.ts";

interface Listed extends SessionView {
  readonly name: string;
  readonly hub: string | null;
  readonly stale?: string;
  readonly health: { readonly verdict: { readonly code: string } };
}

describeWhere([needs.linux, needs.postgres], "the list of three hubs", () => {
  let group: HubGroup;
  let hubs: RealHub[];
  beforeAll(async () => {
    group = await HubGroup.start();
    hubs = await Promise.all(["a", "b", "c"].map((name) => group.open(name)));
  }, 60_000);
  afterAll(async () => {
    // One that stands still would not hear that it is to end.
    for (const hub of hubs) if (!hub.hasEnded) process.kill(hub.pid, "SIGCONT");
    await group.close();
  });

  /** In pages of two, so that one has sessions of several hubs. */
  const list = async (hub: RealHub): Promise<readonly Listed[]> => {
    const items: Listed[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const from: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const path = `/sessions?health=true&limit=2${from}`;
      const page: { items: Listed[]; nextCursor: string | null } = await hub.ask("GET", path);
      items.push(...page.items);
      cursor = page.nextCursor;
    }
    return items;
  };
  const names = (items: readonly Listed[]): readonly string[] => items.map(({ name }) => name);
  const ls = async (hub: RealHub, ...words: string[]) => {
    const env = { ...process.env, HOLDFAST_TOKEN: TOKEN, HOLDFAST_HOME: group.cliHome };
    return runProgram(process.execPath, [bin, "ls", "--url", hub.url, ...words], env);
  };

  /** As the dashboard of a hub dials for a terminal: a ticket, the session in the address. */
  const echoedAsByPage = async (hub: RealHub, session: string): Promise<string> => {
    const api = createApi({ url: hub.url, token: TOKEN, fetch });
    const url = `${hub.url.replace(/^http/, "ws")}/v1/client?session=${session}`;
    const open = async () => dialBrowser({ url, ticket: (await api.ticket()).ticket });
    const connection = await connectHub({ open });
    const channel = await connection.attach(session);
    let said = "";
    const onStdout = (bytes: Uint8Array): void => void (said += Buffer.from(bytes).toString());
    await channel.exec({ argv: ["echo", "from a"], onStdout }).exit;
    connection.close();
    return said;
  };

  test("[CL29] the same at each, also while one stands still, and after it died", async () => {
    const [a, b, c] = hubs as [RealHub, RealHub, RealHub];
    const made: string[] = [];
    for (const [at, hub] of [a, b, c, a, c].entries()) {
      const name = `n${at}`;
      const wish = { name, labels: { odd: String(at % 2) } };
      expect(await hub.ask("POST", "/sessions?wait=60", wish)).toMatchObject({ epoch: 1 });
      made.push(name);
    }
    for (const hub of hubs) {
      const items = await list(hub);
      expect(names(items)).toEqual(made);
      expect(items.map((item) => item.hub)).toEqual(["a", "b", "c", "a", "c"]);
      expect(items.map(({ stale, health }) => [stale, health.verdict.code])).toEqual(
        made.map(() => [undefined, "Connected"]),
      );
      const odd = await hub.ask<{ items: Listed[] }>(
        "GET",
        "/sessions?label=odd=1&state=connected",
      );
      expect(names(odd.items)).toEqual(["n1", "n3"]);
    }
    expect(await echoedAsByPage(b, "n0")).toBe("from a\n");
    expect((await ls(b)).stdout).toMatch(/^NAME +STATE +PLATFORM +HUB +EPOCH/);
    process.kill(c.pid, "SIGSTOP");
    const frozen = await list(a);
    expect(names(frozen)).toEqual(made);
    expect(frozen.filter(({ hub }) => hub === "c")).toMatchObject(
      ["n2", "n4"].map((name) => {
        const stale = "the hub c does not answer";
        return { name, state: "connected", stale, health: { verdict: { code: "Unproven" } } };
      }),
    );
    expect(frozen.filter(({ stale }) => stale === undefined)).toHaveLength(3);
    expect((await ls(a)).stdout).toContain("unproven: the hub c does not answer");
    await c.kill("SIGKILL");
    // Each look has each session once, whoever has it by then.
    for (let isOver = false; !isOver;) {
      const [atA, atB] = await Promise.all([list(a), list(b)]);
      expect([names(atA), names(atB)]).toEqual([made, made]);
      isOver = [...atA, ...atB].every(({ stale, state, hub }) => {
        return stale === undefined && state === "connected" && hub !== "c";
      });
    }
    expect(JSON.parse((await ls(b, "--json")).stdout)).toHaveLength(5);
  }, 180_000);
});
