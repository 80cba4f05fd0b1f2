/** What outlives a sandbox: snapshots and volumes. */
import type { Check } from "../check.ts";

const READY_MS = 30_000;

export const storeChecks: readonly Check[] = [
  {
    id: "snapshot.list",
    about: "snapshots come in pages, and one is found by its name and by its id",
    source: "sdk",
    run: async (world, see) => {
      const { daytona } = world;
      const page = await daytona.snapshot.list({ page: 1, limit: 1 });
      see.same("items of a page of one", page.items.length, 1);
      see.isTrue("total", page.total >= 1, page.total);
      const [first] = page.items;
      if (first === undefined) return;
      see.same("by name", (await daytona.snapshot.get(first.name)).id, first.id);
      see.same("by id", (await daytona.snapshot.get(first.id)).name, first.name);
    },
  },
  {
    id: "snapshot.unknown",
    about: "an unknown snapshot is 404",
    source: "measured",
    run: async (world, see) => {
      const failure = { name: "DaytonaNotFoundError", status: 404 };
      await see.fails("get", world.daytona.snapshot.get(`none-${world.run}`), failure);
    },
  },
  {
    id: "snapshot.active-again",
    about: "an active snapshot cannot be activated: 400",
    source: "measured",
    run: async (world, see) => {
      const { items } = await world.daytona.snapshot.list();
      const active = items.find(({ state }) => state === "active");
      see.isTrue("there is an active one", active !== undefined);
      if (active === undefined) return;
      const answer = await world.api("POST", `/snapshots/${active.id}/activate`);
      see.status("activate", answer, 400, 403);
      if (answer.status === 400) see.like("its message", answer.text, /already active/);
    },
  },
  {
    id: "snapshot.of-sandbox",
    about: "a snapshot of a sandbox is a root that others start from",
    source: "documented",
    run: async (world, see) => {
      const box = await world.makeOfClass("source", "linux-vm");
      await box.process.executeCommand("echo source > mark");
      const name = world.lastingName("snapshots");
      await box.createSnapshot(name, 120);
      const next = await world.make("from-snapshot", { snapshot: name });
      see.same("the file", (await next.process.executeCommand("cat mark")).result, "source\n");
      await next.delete();
      await box.delete();
      await world.daytona.snapshot.delete(await world.daytona.snapshot.get(name));
    },
  },
  {
    id: "volume.life",
    about: "a volume is made, becomes ready, is found by name and deleted",
    source: "sdk",
    run: async (world, see) => {
      const { daytona } = world;
      const name = world.lastingName("volumes");
      const made = await daytona.volume.create(name);
      let volume = made;
      const isReady = async (): Promise<boolean> => {
        volume = await daytona.volume.get(name);
        return volume.state === "ready";
      };
      see.isTrue("it becomes ready", await world.comes(isReady, READY_MS), volume.state);
      const listed = (await daytona.volume.list()).map(({ id }) => id);
      see.isTrue("it is listed", listed.includes(made.id), listed);
      const first = await world.make("volume-a", {
        volumes: [{ volumeId: made.id, mountPath: "/mnt/shared" }],
      });
      await first.process.executeCommand("echo shared > /mnt/shared/mark");
      await first.delete(60, true);
      const second = await world.make("volume-b", {
        volumes: [{ volumeId: made.id, mountPath: "/mnt/shared" }],
      });
      const read = await second.process.executeCommand("cat /mnt/shared/mark");
      see.same("what another sandbox finds", read.result, "shared\n");
      await second.delete(60, true);
      await daytona.volume.delete(volume);
      const isGone = async (): Promise<boolean> => {
        const { status, json } = await world.api("GET", `/volumes/${made.id}`);
        return status === 404 || /delet/.test(String((json as Record<string, unknown>)["state"]));
      };
      see.isTrue("it goes", await world.comes(isGone, READY_MS));
    },
  },
  {
    id: "volume.unknown",
    about: "an unknown volume is 404",
    source: "sdk",
    run: async (world, see) => {
      const failure = { name: "DaytonaNotFoundError", status: 404 };
      await see.fails("get", world.daytona.volume.get(`none-${world.run}`), failure);
    },
  },
];
