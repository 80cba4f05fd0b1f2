import { expect, test } from "vitest";
import type { Host } from "../../src/platform/host.ts";
import { identityOf, pidNamespaceOf } from "../../src/platform/kernel/process-table.ts";
import { newRecord, parseCreate } from "../../src/platform/sandbox/create-request.ts";
import { pidsOf } from "../../src/platform/sandbox/processes.ts";
import type { SandboxRecord } from "../../src/platform/sandbox/record.ts";

const host: Pick<Host, "cgroups"> = { cgroups: undefined };

function record(process: SandboxRecord["process"]): SandboxRecord {
  const wish = parseCreate({});
  if (!wish.ok) throw new Error(wish.refusal.message);
  const around = { tier: "bwrap", rootKind: "overlay", network: "none", number: 1 } as const;
  const names = { organizationId: "o", lower: "", snapshotName: "s" };
  return { ...newRecord(wish.value, { ...around, ...names }, 0), process };
}

test("a namespace whose first process is gone is nobody's, though its number is in use again", () => {
  const pidNamespace = pidNamespaceOf(process.pid) ?? "";
  const gone = { pid: process.pid, startTicks: "1", pidNamespace };
  expect(pidsOf(host as Host, record(gone))).toEqual([]);
  const here = identityOf(process.pid) ?? null;
  expect(pidsOf(host as Host, record(here))).toContain(process.pid);
});
