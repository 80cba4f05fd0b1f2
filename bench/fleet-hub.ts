/**
 * A hub with thousands of connected sessions, as a process of its own for bench/admin.ts: the real
 * sessions, store and HTTP server over a platform and driver links in memory. Its number of
 * sessions stands in argv, its orders come over IPC: `stir` makes something happen to some
 * sessions, `hang` takes the platform's answers away, `usage` tells what the process has used so
 * far.
 */
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBundles } from "../build/bundle.ts";
import { systemClock } from "../src/base/clock.ts";
import { silentLogger } from "../src/base/log.ts";
import { systemRandom } from "../src/base/random.ts";
import { defaultPolicy } from "../src/hub/session/policy.ts";
import type { Session } from "../src/hub/session/session.ts";
import { Sessions } from "../src/hub/sessions.ts";
import type { ExecRequest, ExecResult, SandboxRequest } from "../src/providers/provider.ts";
import { GroupedSqliteStore } from "../src/store/sqlite/grouped-store.ts";
import { SqliteStore } from "../src/store/sqlite/sqlite-store.ts";
import { FakePlatform, type FakeSandbox } from "../test/support/fake-platform.ts";
import { ADMIN_TOKEN, hubHttp } from "../test/support/hub-http.ts";
import { FakeLink, plainSpec } from "../test/support/hub-world.ts";
import { createNoControl } from "../test/support/no-control.ts";

export type FleetOrder =
  { readonly do: "stir"; readonly count: number } | { readonly do: "hang" | "usage" };
export type FleetNews =
  | { readonly is: "ready"; readonly url: string; readonly token: string }
  | { readonly is: "done" }
  | { readonly is: "usage"; readonly cpuMs: number; readonly rssMib: number };

/** Sandboxes by name and id at once: a walk over thousands of them would be measured instead. */
class FleetPlatform extends FakePlatform {
  hangs = false;
  readonly #named = new Map<string, FakeSandbox>();

  override make(request: SandboxRequest, state: FakeSandbox["state"]): FakeSandbox {
    const made = super.make(request, state);
    this.#named.set(request.name, made);
    return made;
  }

  override find(idOrName: string): FakeSandbox | null {
    return this.sandboxes.get(idOrName) ?? this.#named.get(idOrName) ?? null;
  }

  override claim(idOrName: string) {
    return this.hangs ? never<null>() : super.claim(idOrName);
  }

  override exec(sandboxId: string, request: ExecRequest): Promise<ExecResult> {
    this.calls.length = 0;
    return this.hangs ? never<ExecResult>() : super.exec(sandboxId, request);
  }

  override writeFile(sandboxId: string, path: string, bytes: Uint8Array): Promise<void> {
    return this.hangs ? never<undefined>() : super.writeFile(sandboxId, path, bytes);
  }
}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

const count = Number(process.argv[2] ?? 5_000);
const directory = mkdtempSync(join(tmpdir(), "hf-fleet-"));
const file = new SqliteStore(join(directory, "store.sqlite"));
const store = new GroupedSqliteStore(file, systemClock);
const platform = new FleetPlatform(systemClock);
const sessions = new Sessions(
  {
    hubId: "hub_bench",
    provider: platform,
    driver: {
      bundle: () => Promise.resolve(new Uint8Array([1])),
      urls: () => Promise.resolve(["ws://127.0.0.1:9/v1/driver"]),
      token: (id) => `token-of-${id}`,
    },
    control: createNoControl(systemClock),
    policy: defaultPolicy,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
  },
  store,
);
platform.onLaunch = (sandbox) => {
  const id = sandbox.request.labels["holdfast/session"] ?? "";
  setImmediate(() => attach(sessions.find(id)));
};

/** What the switchboard does with a driver that confirmed its epoch. */
function attach(session: Session): void {
  const epoch = session.record.epochIssued + 1;
  session.ledger.note("epoch.issued", `epoch ${epoch}`, {}, { epochIssued: epoch });
  session.ledger.note("driver.attached", `epoch ${epoch}`, {}, { epoch });
  const link = new FakeLink(epoch);
  link.onEnd = (why) => session.detach(link, why);
  const { files } = platform.need(session.record.sandboxId ?? "");
  link.read = (file) => {
    const bytes = files.get(file);
    files.delete(file);
    return bytes === undefined ? null : new TextDecoder().decode(bytes);
  };
  session.attach(link);
}

/** A doubt is proven away again: some facts each, as on a busy day. */
function stir(howMany: number): void {
  const all = sessions.all;
  for (let n = 0; n < howMany; n++) {
    all[Math.floor(Math.random() * all.length)]?.doubt("somebody asked", "SandboxUnlisted");
  }
}

function tell(news: FleetNews): void {
  process.send?.(news);
}

process.on("message", (order: FleetOrder) => {
  if (order.do === "usage") {
    const { user, system } = process.cpuUsage();
    const rssMib = Math.round(process.memoryUsage.rss() / 1024 / 1024);
    tell({ is: "usage", cpuMs: (user + system) / 1_000, rssMib });
    return;
  }
  if (order.do === "stir") stir(order.count);
  else platform.hangs = true;
  tell({ is: "done" });
});
process.on("disconnect", () => {
  rmSync(directory, { recursive: true, force: true });
  process.exit(0);
});

await sessions.start();
for (let n = 0; n < count; n++) {
  const name = `session-${String(n).padStart(5, "0")}`;
  const session = sessions.create({ name, spec: plainSpec });
  if (n % 100 === 99) await sessions.verdict(session, 60_000);
}
for (const session of sessions.all) await sessions.verdict(session, 60_000);
const states = new Set(sessions.all.map(({ record }) => record.state));
if (states.size !== 1 || !states.has("connected")) throw new Error([...states].join(" "));
const { web } = await ensureBundles();
const { app } = hubHttp(
  { clock: systemClock, platform, sessions },
  silentLogger,
  undefined,
  undefined,
  web,
);
await app.listen({ host: "127.0.0.1", port: 0 });
const { port } = app.server.address() as AddressInfo;
tell({ is: "ready", url: `http://127.0.0.1:${port}`, token: ADMIN_TOKEN });
