/** The hubs that serve the same sessions; one of its own serves its own alone. */
import { Type } from "typebox";
import { Count, Flag, OneOf, OrNull, Text, Time } from "./shapes.ts";

const { Object: Shape, Array: List, Optional } = Type;

const DrainSchema = Shape({
  step: OneOf(
    ["announced", "moving", "done"],
    "Balancers are told; sessions are given back; it has none.",
  ),
  startedAt: Time("When it was asked to."),
  sessions: Count("What it had then."),
});

const HubSchema = Shape(
  {
    id: Text("Of a hub of its own `hub_…`, which stays over restarts; of several, its life's."),
    self: Flag("It is the one that answers."),
    version: Text("What it runs."),
    startedAt: Time("When this process of it began."),
    ready: Optional(Flag("It takes work.")),
    sessions: Optional(Count("Sessions that it owns.")),
    drivers: Optional(Count("Links of drivers that are open.")),
    clients: Optional(Count("Links of clients that are open.")),
    name: Optional(Text("Of several: its own, the same after a restart.")),
    state: Optional(OneOf(["live", "draining", "dead", "gone"], "As the others see it.")),
    advertise: Optional(Text("Where the other hubs reach it, `host:port`.")),
    leaseMs: Optional(Count("What is left of its lease, in milliseconds; at 0 it may not act.")),
    drain: Optional(OrNull(DrainSchema)),
  },
  { description: "What only a hub itself knows is absent from the entries of the others." },
);

export const HubListSchema = Shape(
  {
    cluster: Optional(Text("The cluster's id; absent for a hub of its own.")),
    items: List(HubSchema),
  },
  { description: "The hubs that serve these sessions." },
);
