/** The audit log: an entry before the effect, none without its place, and no secret in any. */
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import { silentLogger } from "../../src/base/log.ts";
import { AuditFile, verifyAudit } from "../../src/hub/auth/audit-file.ts";
import { AuditLog } from "../../src/hub/auth/audit-log.ts";
import type { AuditNote } from "../../src/hub/auth/audit-chain.ts";
import { ADMIN_TOKEN, hubHttp } from "../support/hub-http.ts";
import { hubServer } from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";
import { TestClock } from "../support/test-clock.ts";

const note = (what: string): AuditNote => ({
  ...{ who: "admin", from: "127.0.0.1", what, target: null, outcome: "asked", detail: null },
});

describe("the audit log in a file", () => {
  let home: string;
  let path: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "holdfast-audit-"));
    path = join(home, "audit.jsonl");
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const open = () => new AuditLog(new AuditFile(home), new TestClock(), silentLogger);
  const write = (count: number): void => {
    const log = open();
    for (let n = 1; n <= count; n++) log.note(note(`act ${n}`), n % 2 === 0);
    log.close();
  };
  const lines = () => readFileSync(path, "utf8").trimEnd().split("\n");

  test("[AU8] is one chain over restarts, for its owner alone", () => {
    write(3);
    write(2);
    expect(verifyAudit(home)).toMatchObject({ entries: 5, findings: [] });
    for (const name of ["audit.jsonl", "audit.head"]) {
      expect(statSync(join(home, name)).mode & 0o777).toBe(0o600);
    }
  });

  test("[AU8] a line that is changed, taken out, put in or moved is found", () => {
    write(5);
    const whole = lines();
    const forged = whole.with(2, (whole[2] ?? "").replace("act 3", "act X"));
    const damaged: Record<string, readonly string[]> = {
      "a line that was changed": forged,
      "comes 4": whole.toSpliced(2, 1),
      "comes 2": whole.toSpliced(2, 0, whole[1] ?? ""),
      "comes 5": whole.toSpliced(3, 2, whole[4] ?? "", whole[3] ?? ""),
      "ends with entry 4": whole.slice(0, 4),
      "ends with entry 0": [],
    };
    for (const [said, text] of Object.entries(damaged)) {
      writeFileSync(path, text.map((line) => `${line}\n`).join(""));
      expect(verifyAudit(home).findings.join(), said).toContain(said);
    }
    writeFileSync(path, `${whole.join("\n")}\n`);
    rmSync(join(home, "audit.head"));
    expect(verifyAudit(home).findings.join()).toContain("audit.head is missing");
  });

  test("[AU8] a new chain in the place of the old one is found", () => {
    write(2);
    const head = readFileSync(join(home, "audit.head"));
    rmSync(path);
    rmSync(join(home, "audit.head"));
    const log = open();
    log.note(note("another"));
    log.note(note("history"));
    log.close();
    writeFileSync(join(home, "audit.head"), head);
    expect(verifyAudit(home).findings.join()).toContain("knows another entry 2");
  });

  test("[AU8] what a power cut left of a line goes, and the chain goes on", () => {
    write(2);
    appendFileSync(path, '{"n":3,"at":"20');
    write(1);
    expect(verifyAudit(home)).toMatchObject({ entries: 3, findings: [] });
  });

  test("[AU8] an end that is missing at a start is an entry of its own", () => {
    write(3);
    truncateSync(path, Buffer.byteLength(`${lines()[0] ?? ""}\n`));
    write(0);
    expect(lines().at(-1)).toContain('"what":"audit.lost"');
    expect(lines().at(-1)).toContain('"detail":{"had":3,"has":1}');
  });

  test("[AU8] a last line that was changed ends the start", () => {
    write(2);
    writeFileSync(path, readFileSync(path, "utf8").replace("act 2", "act 3"));
    expect(() => open()).toThrow("its last entry was changed");
  });
});

describe("what is written down", () => {
  const headers = { host: "127.0.0.1:7070", authorization: `Bearer ${ADMIN_TOKEN}` };

  test("[AU9] is there before the effect, and what cannot be written is not done", async () => {
    const world = new HubWorld();
    const http = hubHttp(world);
    const { audit } = http.access;
    let sessions = -1;
    const wrote = audit.note.bind(audit);
    audit.note = (one, isDurable) => {
      sessions = world.sessions.all.length;
      wrote(one, isDurable);
    };
    const create = (name: string) =>
      http.app.inject({ method: "POST", url: "/v1/sessions", headers, payload: { name } });
    expect((await create("one")).statusCode).toBe(202);
    expect(sessions).toBe(0);
    expect(audit.tail(1)).toMatchObject([{ who: "admin", what: "POST /v1/sessions" }]);
    audit.note = () => {
      throw new HubError("StoreRefuses", "no room");
    };
    expect((await create("two")).json()).toMatchObject({ status: 503, code: "StoreRefuses" });
    expect(world.sessions.all).toHaveLength(1);
  });

  test("[AU9] says who, what and of what, and has no secret and no body in it", async () => {
    const world = new HubWorld();
    world.create();
    const http = hubHttp(world);
    const ask = (method: "POST" | "DELETE", url: string, payload?: object) =>
      http.app.inject({ method, url, headers, ...(payload && { payload }) });
    const made = await ask("POST", "/v1/tokens", { name: "ci", role: "viewer" });
    const { id, token } = made.json<{ id: string; token: string }>();
    await ask("POST", "/v1/sessions/demo/exec?wait=0", { command: "echo canary-in-a-command" });
    await ask("POST", "/v1/sessions/demo/retry?dryRun=true&x=canary");
    await ask("DELETE", `/v1/tokens/${id}`);
    await http.app.inject({
      url: "/v1/sessions?token=canary-in-a-url",
      headers: { host: "127.0.0.1" },
    });
    const entries = http.access.audit.tail(10);
    expect(entries).toMatchObject([
      { what: "POST /v1/tokens", outcome: "asked", detail: { name: "ci", role: "viewer" } },
      { what: "POST /v1/sessions/:id/exec", target: "demo", detail: null },
      // A plan is no retry.
      { what: "POST /v1/sessions/:id/retry?dryRun=true", target: "demo", detail: null },
      { what: "DELETE /v1/tokens/:tokenId", target: id },
      { who: "nobody", what: "GET /v1/sessions", outcome: "refused BadRequest" },
    ]);
    const text = JSON.stringify(entries);
    for (const secret of [token, ADMIN_TOKEN, "canary"]) expect(text).not.toContain(secret);
  });

  test("[AU9] has links that were opened, and a flood of refusals as a number", async () => {
    const world = new HubWorld();
    const hub = await hubServer(world);
    await hub.client();
    for (let n = 0; n < 40; n++) await hub.dial("/v1/client?ticket=canary", { authorization: "x" });
    world.clock.advance(1_000);
    await hub.dial("/v1/nothing", {});
    await hub.close();
    const told = hub.access.audit.tail(100);
    expect(told[0]).toMatchObject({ who: "admin", what: "WS /v1/client", outcome: "asked" });
    expect(told.length).toBeLessThan(15);
    expect(told).toContainEqual(
      expect.objectContaining({ what: "audit.unsaid", detail: { refusals: 35 } }),
    );
    expect(JSON.stringify(told)).not.toContain("canary");
  });
});
