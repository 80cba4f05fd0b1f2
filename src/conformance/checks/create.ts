/** What a create gives, and what it refuses with which words. */
import type { Check } from "../check.ts";

/** Fields that the SDK, the hub or their users read; the types are the wire's. */
const fields: Readonly<Record<string, string>> = {
  id: "string",
  organizationId: "string",
  name: "string",
  target: "string",
  env: "object",
  labels: "object",
  cpu: "number",
  memory: "number",
  disk: "number",
  public: "boolean",
  networkBlockAll: "boolean",
  state: "string",
  desiredState: "string",
  autoStopInterval: "number",
  autoArchiveInterval: "number",
  autoDeleteInterval: "number",
  sandboxClass: "string",
  createdAt: "string",
  updatedAt: "string",
  lastActivityAt: "string",
  toolboxProxyUrl: "string",
};

export const createChecks: readonly Check[] = [
  {
    id: "create.answer",
    about: "a create ends started, and reads back with every field of the contract",
    source: "measured",
    run: async (world, see) => {
      const box = await world.box();
      see.same("state", box.state, "started");
      const { json, ...answer } = await world.api("GET", `/sandbox/${box.id}`);
      see.status("get", { ...answer }, 200);
      const dto = (json ?? {}) as Record<string, unknown>;
      for (const [field, type] of Object.entries(fields)) {
        see.same(`type of ${field}`, typeof dto[field], type);
      }
      see.same("desiredState", dto["desiredState"], "started");
      see.same("errorReason", dto["errorReason"] ?? null, null);
      const labels = dto["labels"] as Record<string, unknown> | undefined;
      see.same("the label of the SDK", labels?.["code-toolbox-language"], "python");
    },
  },
  {
    id: "create.settings",
    about: "environment, labels and idle times are taken over",
    source: "sdk",
    run: async (world, see) => {
      const box = await world.make("settings", {
        envVars: { GREETING: "hello there" },
        labels: { purpose: "settings" },
        autoStopInterval: 7,
        autoArchiveInterval: 60,
        autoDeleteInterval: 90,
      });
      see.same(
        "the variable inside",
        (await box.process.executeCommand("echo $GREETING")).result,
        "hello there\n",
      );
      see.same("label", box.labels["purpose"], "settings");
      see.same("autoStopInterval", box.autoStopInterval, 7);
      see.same("autoArchiveInterval", box.autoArchiveInterval, 60);
      see.same("autoDeleteInterval", box.autoDeleteInterval, 90);
      await box.setAutostopInterval(0);
      await box.setAutoArchiveInterval(120);
      await box.setAutoDeleteInterval(-1);
      await box.refreshData();
      const now = [box.autoStopInterval, box.autoArchiveInterval, box.autoDeleteInterval];
      see.same("after the setters", now, [0, 120, -1]);
      await box.delete();
    },
  },
  {
    id: "create.name-taken",
    about: "a name that is in use is 409 and DaytonaConflictError",
    source: "measured",
    run: async (world, see) => {
      const box = await world.box();
      await see.fails("create", world.daytona.create({ name: box.name }), {
        name: "DaytonaConflictError",
        status: 409,
        text: new RegExp(`Sandbox with name ${box.name} already exists`),
      });
    },
  },
  {
    id: "create.snapshot-missing",
    about: "an unknown snapshot is 400, in the class of a caller's mistake",
    source: "measured",
    run: async (world, see) => {
      const params = { name: world.name("no-snapshot"), snapshot: `none-${world.run}` };
      await see.fails("create", world.daytona.create(params), {
        name: "DaytonaValidationError",
        status: 400,
        text: new RegExp(`Snapshot none-${world.run} not found`),
      });
      const after = await world.api("GET", `/sandbox/${params.name}`);
      see.status("what is left of it", after, 404);
    },
  },
  {
    id: "create.bad-interval",
    about: "an idle time that is no whole number is 400",
    source: "documented",
    run: async (world, see) => {
      const body = { name: world.name("bad-interval"), autoStopInterval: "soon" };
      see.status("create", await world.api("POST", "/sandbox", { body }), 400);
    },
  },
  {
    id: "create.image-context-free",
    about: "an image by its name is a build of one FROM line",
    source: "sdk",
    run: async (world, see) => {
      const { daytona } = world;
      const known = (await daytona.snapshot.list()).items.find(({ state }) => state === "active");
      const image = known?.imageName ?? "debian:12-slim";
      const name = world.name("image");
      const logs: string[] = [];
      const params = { name, image, autoStopInterval: 10, autoDeleteInterval: 10 };
      const options = { timeout: 600, onSnapshotCreateLogs: (line: string) => logs.push(line) };
      const box = await daytona.create(params, options);
      see.same("state", box.state, "started");
      await box.delete();
    },
  },
  {
    id: "create.ephemeral",
    about: "an ephemeral sandbox is gone once it is stopped",
    source: "documented",
    run: async (world, see) => {
      // The SDK says a word of its own about both in one create.
      const wish = { ephemeral: true, autoDeleteInterval: undefined };
      const box = await world.make("ephemeral", wish);
      see.same("autoDeleteInterval", box.autoDeleteInterval, 0);
      await world.api("POST", `/sandbox/${box.id}/stop`);
      const isGone = async (): Promise<boolean> =>
        (await world.api("GET", `/sandbox/${box.id}`)).status === 404;
      see.isTrue("it is gone", await world.comes(isGone, 20_000));
    },
  },
];
