/** The body of POST /v1/sessions: its shape, and what of it a session is made from. */
import { Type, type Static } from "typebox";
import { HubError } from "../../base/hub-error.ts";
import { checkRetry } from "../../base/retry.ts";
import type { SessionSpec } from "../../store/facts.ts";
import { LABELS } from "../labels.ts";
import { whyNotLease } from "../lease-keeper.ts";

const Text = (max: number) => Type.String({ maxLength: max });
const Source = Type.String({ minLength: 1, maxLength: 512 });
const Labels = Type.Record(Type.String({ pattern: "^[A-Za-z0-9._/-]{1,128}$" }), Text(4096), {
  additionalProperties: false,
});
const Env = Type.Record(Type.String({ pattern: "^[A-Za-z_][A-Za-z0-9_]{0,255}$" }), Text(131_072), {
  additionalProperties: false,
});

export const NewSession = Type.Object(
  {
    name: Type.Optional(Text(128)),
    image: Type.Optional(Source),
    snapshot: Type.Optional(Source),
    fallbackImage: Type.Optional(Source),
    retry: Type.Optional(Type.Record(Text(64), Type.Number())),
    env: Type.Optional(Env),
    labels: Type.Optional(Labels),
  },
  { additionalProperties: false },
);
export type NewSession = Static<typeof NewSession>;

/** @throws HubError BadRequest that names every field that cannot be. */
export function specOf(body: NewSession): SessionSpec {
  const { image, snapshot, fallbackImage, env = {}, labels = {} } = body;
  const wrong: string[] = [];
  if (image !== undefined && snapshot !== undefined) {
    wrong.push("image and snapshot exclude each other");
  }
  if (image !== undefined && fallbackImage !== undefined) {
    wrong.push("fallbackImage replaces a snapshot; with image there is none to replace");
  }
  const retry = body.retry === undefined ? null : checkRetry(Object.entries(body.retry));
  if (retry !== null && "problem" in retry) wrong.push(`retry: ${retry.problem}`);
  const lease = labels[LABELS.lease];
  const badLease = lease === undefined ? null : whyNotLease(lease);
  if (badLease !== null) wrong.push(badLease);
  if (wrong.length > 0) throw new HubError("BadRequest", `body: ${wrong.join("; ")}`);
  return {
    env,
    labels,
    ...(image === undefined ? {} : { image }),
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(fallbackImage === undefined ? {} : { fallbackImage }),
    ...(retry !== null && "value" in retry ? { retry: retry.value } : {}),
  };
}
