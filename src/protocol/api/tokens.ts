/** What the HTTP API tells of API tokens, and of who asks. */
import { Type } from "typebox";
import { OneOf, OrNull, Text, Time } from "./shapes.ts";

const { Object: Shape, Array: List } = Type;

const roles = ["owner", "operator", "viewer", "metrics"] as const;

const seen = {
  role: OneOf(roles, "What it may do: see SECURITY.md."),
  sessions: OrNull(List(Text("Id of a session that it can see."))),
};

const token = {
  id: Text("Names the token; no secret."),
  name: Text("What its maker called it."),
  ...seen,
  createdBy: Text("`admin`, or the id of the token that made it."),
  createdAt: Time("When it was made."),
  expiresAt: Time("When it opens nothing any more."),
  lastUsedAt: OrNull(Time("When it opened something last.")),
};

export const ApiTokenSchema = Shape(token, { description: "An API token, without the token." });
export const NewApiTokenSchema = Shape(
  { ...token, token: Text("The token itself; nobody is told it again.") },
  { description: "An API token, this once with the token." },
);
export const ApiTokenListSchema = Shape({ items: List(ApiTokenSchema) });

export const MeSchema = Shape(
  {
    id: Text("`admin`, `metrics`, or the id of the token."),
    ...seen,
    expiresAt: OrNull(Time("When the token expires.")),
  },
  { description: "Who is asking." },
);
