/** The hubs that serve the same sessions; today a hub serves its own alone. */
import { Type } from "typebox";
import { Count, Flag, Text, Time } from "./shapes.ts";

const { Object: Shape, Array: List } = Type;

export const HubListSchema = Shape(
  {
    items: List(
      Shape({
        id: Text("`hub_…`; stays over restarts."),
        self: Flag("It is the one that answers."),
        version: Text("What it runs."),
        startedAt: Time("When this process of it began."),
        ready: Flag("It takes work."),
        sessions: Count("Sessions that it owns."),
        drivers: Count("Links of drivers that are open."),
        clients: Count("Links of clients that are open."),
      }),
    ),
  },
  { description: "The hubs that serve these sessions." },
);
