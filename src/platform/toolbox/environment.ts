/** POST /env: the variables of everything that is started from now on; what runs keeps its own. */
import type { Place } from "./place.ts";
import { fault, json, readJsonBody } from "./reply.ts";
import type { Reply, ToolboxRequest } from "./reply.ts";
import type { Route } from "./router.ts";

export function environmentRoutes(place: Place): Route[] {
  return [{ method: "POST", path: "/env", handler: (request) => update(place, request) }];
}

async function update(place: Place, request: ToolboxRequest): Promise<Reply> {
  const read = await readJsonBody(request.raw);
  if ("fault" in read) return read.fault;
  const set = read.body["set"] ?? {};
  const unset = read.body["unset"] ?? [];
  if (typeof set !== "object" || Array.isArray(set) || !Object.entries(set).every(isVariable)) {
    return fault(400, "BAD_REQUEST", "set must be an object of variables with string values");
  }
  if (!Array.isArray(unset) || !unset.every((name) => typeof name === "string")) {
    return fault(400, "BAD_REQUEST", "unset must be a list of names");
  }
  for (const name of unset) Reflect.deleteProperty(place.env, name);
  Object.assign(place.env, set);
  return json({});
}

function isVariable([name, value]: [string, unknown]): boolean {
  return (
    /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && typeof value === "string" && !value.includes("\0")
  );
}
