/** What the HTTP API tells of API tokens, of who asks, and of who asked for what. */
import { Type } from "typebox";
import { Count, OneOf, OrNull, Text, Time } from "./shapes.ts";

const { Object: Shape, Array: List } = Type;

const roles = ["owner", "operator", "viewer", "metrics", "watcher"] as const;

const seen = {
  role: OneOf(roles, "What it may do: see SECURITY.md."),
  tenant: OrNull(Text("The only tenant whose sessions it sees; null for the hub's own people.")),
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

const share = {
  id: Text("Names the share; no secret."),
  session: Text("Id of the only session whose terminals it shows."),
  createdBy: token.createdBy,
  createdAt: token.createdAt,
  expiresAt: token.expiresAt,
  lastUsedAt: token.lastUsedAt,
};
export const ShareSchema = Shape(share, { description: "A read-only share, without its link." });
export const NewShareSchema = Shape(
  { ...share, url: Text("The link; nobody is told it again.") },
  { description: "A read-only share, this once with its link." },
);
export const ShareListSchema = Shape({ items: List(ShareSchema) });

export const LoginWaysSchema = Shape(
  {
    oidc: OrNull(
      Shape({
        issuer: Text("The identity provider."),
        clientId: Text("The hub's name there."),
        cliClientId: Text("The command line's name there."),
        scopes: Text("What is asked of it."),
        authorizationEndpoint: Text("Where a browser goes."),
        tokenEndpoint: Text("Where a code becomes tokens."),
        deviceEndpoint: OrNull(Text("Where the device flow begins; null where there is none.")),
        responseMode: OneOf(["fragment", "query"], "How the code comes back."),
        redirectUri: Text("Where to."),
      }),
    ),
  },
  { description: "How one logs in, besides with a token." },
);

export const MeSchema = Shape(
  {
    id: Text("`admin`, `metrics`, or the id of the token."),
    name: OrNull(Text("What its maker called it; of a share, the session.")),
    ...seen,
    expiresAt: OrNull(Time("When the token expires.")),
  },
  { description: "Who is asking." },
);

const Hash = Type.String({ pattern: "^[0-9a-f]{64}$" });

export const AuditSchema = Shape(
  {
    items: List(
      Shape({
        n: Count("Grows by one per entry."),
        at: Time("When it was asked."),
        who: Text("`admin`, the id of a token, `nobody`, or `hub`."),
        from: Text("Address of the peer."),
        what: Text("The route."),
        target: OrNull(Text("Id or name that it is about.")),
        outcome: Text("`asked`, before it was done, or `refused CODE`."),
        detail: Type.Unknown({ description: "Of a grant: what was granted." }),
        prev: Hash,
        hash: Hash,
      }),
    ),
    head: Shape({ n: Count("The newest entry."), hash: Hash }),
  },
  { description: "The newest entries of the audit log, oldest first." },
);
