/** The API itself: who is let in, how errors look, what every answer says of the limits. */
import type { Check } from "../check.ts";

export const apiChecks: readonly Check[] = [
  {
    id: "api.no-key",
    about: "without a key every call is 401, in the API's envelope",
    source: "measured",
    run: async (world, see) => {
      const answer = await world.api("GET", "/sandbox", { key: "" });
      see.status("a list without a key", answer, 401);
      const body = (answer.json ?? {}) as Record<string, unknown>;
      see.same("path", body["path"], "/api/sandbox");
      see.same("statusCode", body["statusCode"], 401);
      see.same("error", body["error"], "Unauthorized");
      see.isTrue("timestamp is a time", !Number.isNaN(Date.parse(String(body["timestamp"]))));
    },
  },
  {
    id: "api.bad-key",
    about: "a wrong key is 401 and DaytonaAuthenticationError",
    source: "measured",
    run: async (world, see) => {
      const wrong = world.client({ apiKey: "dtn_wrong" });
      const failure = { name: "DaytonaAuthenticationError", status: 401 };
      await see.fails("get", wrong.get("any"), { ...failure, text: /Invalid credentials/ });
    },
  },
  {
    id: "api.unknown-sandbox",
    about: "an unknown id or name is 404 and names what was asked for",
    source: "measured",
    run: async (world, see) => {
      const name = `conform-${world.run}-nobody`;
      const failure = { name: "DaytonaNotFoundError", status: 404 };
      const text = new RegExp(`Sandbox with ID or name ${name} not found`);
      await see.fails("get", world.daytona.get(name), { ...failure, text });
      for (const verb of ["start", "stop", "pause"]) {
        see.status(verb, await world.api("POST", `/sandbox/${name}/${verb}`), 404);
      }
      see.status("delete", await world.api("DELETE", `/sandbox/${name}`), 404);
    },
  },
  {
    id: "api.limits-told",
    about: "every answer tells limit, remaining calls and seconds to the reset",
    source: "measured",
    run: async (world, see) => {
      const { headers } = await world.api("GET", "/sandbox?limit=1");
      for (const what of ["limit", "remaining", "reset"]) {
        const header = `x-ratelimit-${what}-authenticated`;
        see.like(header, headers.get(header), /^\d+$/);
      }
      const lifecycle = await world.api("POST", `/sandbox/conform-${world.run}-nobody/start`);
      const header = "x-ratelimit-remaining-sandbox-lifecycle";
      see.like(header, lifecycle.headers.get(header), /^\d+$/);
    },
  },
  {
    id: "api.config",
    about: "the configuration is to be had without a key",
    source: "documented",
    run: async (world, see) => {
      const answer = await world.api("GET", "/config", { key: "" });
      see.status("config", answer, 200);
      const config = (answer.json ?? {}) as Record<string, unknown>;
      see.isTrue("it has a proxy template", typeof config["proxyTemplateUrl"] === "string", config);
    },
  },
  {
    id: "api.health",
    about: "health is answered without a key",
    source: "documented",
    run: async (world, see) => {
      see.status("health", await world.api("GET", "/health", { key: "" }), 200);
    },
  },
  {
    id: "api.current-key",
    about: "a key can ask what it is",
    source: "documented",
    run: async (world, see) => {
      const answer = await world.api("GET", "/api-keys/current");
      see.status("api-keys/current", answer, 200);
      const key = (answer.json ?? {}) as Record<string, unknown>;
      see.isTrue("it has a name", typeof key["name"] === "string", key);
    },
  },
  {
    id: "api.bad-json",
    about: "a body that is no JSON is 400",
    source: "measured",
    run: async (world, see) => {
      const headers = { "content-type": "application/json" };
      see.status(
        "create of junk",
        await world.api("POST", "/sandbox", { body: "x", headers }),
        400,
      );
    },
  },
];
