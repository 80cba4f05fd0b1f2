/** What a platform repeats of a session's secrets goes nowhere. */
import { expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import type { SandboxRequest } from "../../src/providers/provider.ts";
import { FakePlatform } from "../support/fake-platform.ts";
import { plainSpec, worldOn } from "../support/hub-world.ts";

/** Answers a create with everything it was sent, as some platforms' validation errors do. */
class EchoingPlatform extends FakePlatform {
  override create(request: SandboxRequest): never {
    throw new HubError("SandboxStartFailed", `cannot use ${JSON.stringify(request.env)}`);
  }
}

test("[AC13] an error text that repeats the environment shows its names and no value", async () => {
  const { world } = worldOn((clock) => new EchoingPlatform(clock));
  const env = { API_SECRET: "canary-9876543210", DEBUG: "1" };
  const session = world.create({ spec: { ...plainSpec, env } });
  await world.clock.advanceAsync(60_000);
  const { record } = session;
  expect(record.fault?.message).toContain("API_SECRET");
  const query = { after: 0, session: record.id, limit: 1_000 };
  const told = JSON.stringify([record.fault, session.health(), world.store.events(query)]);
  expect(told).toContain("[hidden]");
  expect(told).not.toContain("canary");
  expect(record.spec.env).toEqual(env);
});
