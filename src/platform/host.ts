import { join } from "node:path";
import type { Logger } from "../base/log.ts";
import type { Launcher, NetworkKind, RootKind } from "./isolation/tier.ts";
import type { CgroupParent } from "./kernel/cgroup.ts";
import type { LimitGroups } from "./kernel/limits.ts";
import type { EgressDoors } from "./sandbox/egress-doors.ts";

/** What this platform found on its machine and decided once, at its start. */
export interface Host {
  paths: DataPaths;
  launcher: Launcher;
  rootKind: RootKind;
  /** Undefined: pause and kill work by signals. */
  cgroups: CgroupParent | undefined;
  limits: LimitGroups;
  /** What a sandbox gets that asks for nothing else; in the process tier it is the host's. */
  network: NetworkKind;
  egress: EgressDoors;
  log: Logger;
  isRoot: boolean;
  /** The skeleton below every sandbox that names no snapshot of its own. */
  lower: string;
  toolboxFile: string;
  nodeFile: string;
  version: string;
}

export interface DataPaths {
  data: string;
  sandboxes: string;
  roots: string;
  /** Hard links to the daemons' sockets, where no sandbox can replace them. */
  sockets: string;
  services: string;
  volumes: string;
}

export function dataPaths(data: string): DataPaths {
  return {
    data,
    sandboxes: join(data, "sandboxes"),
    roots: join(data, "roots"),
    sockets: join(data, "sockets"),
    services: join(data, "services"),
    volumes: join(data, "volumes"),
  };
}

/** uid and gid of sandbox N: far from the host's users, never 0. */
const FIRST_SANDBOX_UID = 100_000;

export function uidOf(host: Pick<Host, "isRoot">, number: number): number | undefined {
  return host.isRoot ? FIRST_SANDBOX_UID + number : undefined;
}
