/** Facts as the event stream and the timeline tell them, and problems as every route does. */
import { Type } from "typebox";
import { Count, OrNull, Text, Time } from "./shapes.ts";
import { WorkAttemptSchema } from "./work.ts";

const { Object: Shape, Array: List } = Type;

export const HubEventSchema = Shape({
  seq: Count("Grows by one per event of this hub: what `after` and Last-Event-ID take."),
  at: Time("When it was written."),
  session: OrNull(Text("Session id, or null for what concerns the hub.")),
  name: OrNull(Text("Name of the session.")),
  kind: Text("For example `probe.answered`."),
  state: OrNull(Text("State of the session afterwards.")),
  detail: OrNull(Text("Its nested state.")),
  text: Text("A ready sentence."),
  data: Type.Unknown({ description: "What the sentence was made of." }),
});

export const TimelineSchema = Shape({
  items: List(HubEventSchema, { description: "In the order in which they happened." }),
  nextCursor: OrNull(Text("`cursor` of the page before it in time; null at the beginning.")),
});

export const TicketSchema = Shape({
  ticket: Text("Opens one WebSocket, once."),
  expiresAt: Time("When it is of no use any more."),
});

export const PreviewLinkSchema = Shape(
  {
    session: Text("Id of the session."),
    port: Type.Integer({ minimum: 1, maximum: 65_535 }),
    address: Text("Opens for whoever has followed a link to it, or carries the admin's token."),
    url: Text("The address with a pass in it: whoever has it may look until it expires."),
    expiresAt: Time("When the pass expires."),
  },
  { description: "The way of a browser to a port of a session." },
);

export const LinksRevokedSchema = Shape(
  {
    session: Text("Id of the session."),
    port: Type.Union([Type.Integer({ minimum: 1, maximum: 65_535 }), Type.Null()], {
      description: "Null for all ports.",
    }),
  },
  { description: "All links to it that there were are taken back, and what they had open ended." },
);

export const PortListSchema = Shape(
  {
    items: List(
      Shape({
        port: Type.Integer({ minimum: 1, maximum: 65_535 }),
        address: Text("Of its preview, without a pass."),
      }),
    ),
  },
  { description: "Ports of a session on which somebody listens." },
);

export const ProblemSchema = Shape(
  {
    type: Text("`urn:holdfast:fault:CODE`."),
    title: Text("What HTTP calls the status."),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Text("What was wrong with this request, by name."),
    code: Text("A code of docs/FAULTS.md."),
    hint: Text("The next step."),
    attempts: Type.Optional(List(WorkAttemptSchema)),
  },
  { description: "RFC 9457; the same code is the CLI's exit code." },
);
