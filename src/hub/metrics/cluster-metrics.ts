/** The company of a hub of several, in numbers. A hub of its own has none of these series. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { ClusterNumbers } from "../cluster/view.ts";

type Row = readonly [name: string, help: string, of: (now: ClusterNumbers) => number];

const GAUGES: readonly Row[] = [
  [
    "holdfast_cluster_lease_seconds",
    "What is left of this hub's lease; at 0 it begins and concludes nothing.",
    ({ leaseMs }) => leaseMs / 1_000,
  ],
  [
    "holdfast_cluster_splices",
    "Links and requests that are joined to the hub that has their session now.",
    ({ splicesOpen }) => splicesOpen,
  ],
  [
    "holdfast_cluster_waiting",
    "Links and requests that wait until somebody can tell who has their session.",
    ({ parked }) => parked,
  ],
];

const COUNTERS: readonly Row[] = [
  [
    "holdfast_cluster_splices_total",
    "Links and requests that were joined to another hub.",
    ({ splices }) => splices,
  ],
  [
    "holdfast_cluster_deaths_total",
    "Other hubs that were declared dead while this one ran.",
    ({ deaths }) => deaths,
  ],
  [
    "holdfast_cluster_sessions_taken_total",
    "Sessions that this hub took from a dead hub, or from nobody.",
    ({ claims }) => claims,
  ],
  [
    "holdfast_cluster_sessions_given_total",
    "Sessions that this hub gave back, or that others had meanwhile.",
    ({ releases }) => releases,
  ],
];

export function addClusterMetrics(
  numbers: () => ClusterNumbers | null,
  registers: Registry[],
): void {
  new Gauge({
    name: "holdfast_cluster_hubs",
    help: "Hubs on the same PostgreSQL as the last good beat of this one saw them, by state.",
    labelNames: ["state"],
    registers,
    collect() {
      for (const [state, count] of Object.entries(numbers()?.hubs ?? {}))
        this.set({ state }, count);
    },
  });
  for (const [name, help, of] of GAUGES) {
    const collect = function (this: Gauge): void {
      const now = numbers();
      if (now === null) this.remove();
      else this.set(of(now));
    };
    new Gauge({ name, help, registers, collect });
  }
  for (const [name, help, of] of COUNTERS) {
    const collect = function (this: Counter): void {
      const now = numbers();
      this.reset();
      if (now === null) this.remove();
      else this.inc(of(now));
    };
    new Counter({ name, help, registers, collect });
  }
}
