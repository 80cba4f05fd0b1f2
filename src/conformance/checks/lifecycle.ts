/**
 * Start, stop, pause, resume, archive, delete: the states they pass, the refusals in each of them,
 * and what the toolbox says of a sandbox that does not run. Every check has a sandbox of its own.
 */
import { NotCheckable } from "../check.ts";
import type { Check } from "../check.ts";

const CHANGING = /Sandbox state change in progress|modified by another operation/;
/** A deleted sandbox is forgotten by the proxy only when its cache has run out. */
const PROXY_CACHE_MS = 5_000;
/** Of what two callers must do at once, on a machine that may be busy with other things. */
const MORE_TRIES = 4;

export const lifecycleChecks: readonly Check[] = [
  {
    id: "life.stop-start",
    about: "a stop ends processes, keeps files, changes the preview token; a start brings all back",
    source: "measured",
    run: async (world, see) => {
      const box = await world.make("cycle");
      const marker = `echo kept > mark; nohup sleep 300 >/dev/null 2>&1 </dev/null & echo $!`;
      const pid = (await box.process.executeCommand(marker)).result.trim();
      const token = (await box.getPreviewLink(3000)).token;
      await box.stop();
      see.same("state after stop", box.state, "stopped");
      await box.refreshData();
      const { json } = await world.api("GET", `/sandbox/${box.id}`);
      see.same("desiredState", (json as Record<string, unknown>)["desiredState"], "stopped");
      const asleep = await world.toolbox(box, "POST", "/process/execute", {
        body: { command: "id" },
      });
      see.status("exec while stopped", asleep, 400);
      see.like("its message", asleep.text, /no IP address found. Is the Sandbox started\?/);
      const again = await world.api("POST", `/sandbox/${box.id}/stop`);
      see.status("a second stop", again, 400);
      see.like("its message", again.text, /not in a stoppable state|not started/);
      await box.start();
      see.same("state after start", box.state, "started");
      see.same("the file", (await box.process.executeCommand("cat mark")).result, "kept\n");
      const alive = await box.process.executeCommand(`kill -0 ${pid} 2>/dev/null && echo alive`);
      see.same("the process of before", alive.result, "");
      const now = (await box.getPreviewLink(3000)).token;
      see.isTrue("the preview token is another", now !== token && now !== "");
      const twice = await world.api("POST", `/sandbox/${box.id}/start`);
      see.status("a start of what is started", twice, 400);
      see.like("its message", twice.text, /Sandbox is not in valid state/);
      await box.delete();
    },
  },
  {
    id: "life.by-client",
    about: "the client's own verbs do the same as the sandbox's",
    source: "sdk",
    run: async (world, see) => {
      const { daytona } = world;
      const box = await world.make("by-client");
      await daytona.stop(box);
      see.same("state", (await daytona.get(box.id)).state, "stopped");
      await daytona.start(box, 60);
      see.same("state", (await daytona.get(box.id)).state, "started");
      await daytona.delete(box);
      const isGone = async (): Promise<boolean> =>
        (await world.api("GET", `/sandbox/${box.id}`)).status === 404;
      see.isTrue("it is gone", await world.comes(isGone, 20_000));
    },
  },
  {
    id: "life.environment",
    about: "variables of a living sandbox can be changed, for what is started from then on",
    source: "sdk",
    run: async (world, see) => {
      const box = await world.make("environment", { envVars: { KEPT: "kept", GOES: "goes" } });
      await box.updateEnv({ CAME: "came" }, { unset: ["GOES"] });
      const ran = await box.process.executeCommand("echo [$KEPT] [$GOES] [$CAME]");
      see.same("inside", ran.result, "[kept] [] [came]\n");
      await box.delete();
    },
  },
  {
    id: "life.auto-pause",
    about: "a virtual machine takes an idle time after which it is paused",
    source: "documented",
    run: async (world, see) => {
      const box = await world.makeOfClass("auto-pause", "linux-vm");
      await box.setAutostopInterval(0);
      await box.setAutoPauseInterval(30);
      await box.refreshData();
      see.same("idle times", [box.autoStopInterval, box.autoPauseInterval], [0, 30]);
      await box.delete();
    },
  },
  {
    id: "life.change-in-progress",
    about: "of two stops at once one is carried out and one is 409",
    source: "measured",
    run: async (world, see) => {
      const box = await world.make("twice");
      const stop = (): ReturnType<typeof world.api> => world.api("POST", `/sandbox/${box.id}/stop`);
      let both = await Promise.all([stop(), stop()]);
      // On a busy machine the second may come when the first is over: they are sent once more.
      for (let more = 0; more < MORE_TRIES && both.some(({ status }) => status === 400); more++) {
        await box.waitUntilStopped(30);
        await box.start(30);
        both = await Promise.all([stop(), stop()]);
      }
      see.same("statuses", both.map(({ status }) => status).sort(), [200, 409]);
      see.like("the refusal", both.find(({ status }) => status === 409)?.text, CHANGING);
      await box.waitUntilStopped(30);
      await box.delete();
    },
  },
  {
    id: "life.delete-while-starting",
    about: "a sandbox that is starting cannot be deleted: 409",
    source: "measured",
    run: async (world, see) => {
      const box = await world.make("hasty");
      await box.stop();
      const [started, deleted] = await Promise.all([
        world.api("POST", `/sandbox/${box.id}/start`),
        world.api("DELETE", `/sandbox/${box.id}`),
      ]);
      see.same("statuses", [started.status, deleted.status], [200, 409]);
      see.like("the refusal", deleted.text, CHANGING);
      await box.waitUntilStarted(30);
      await box.delete();
    },
  },
  {
    id: "life.deleted",
    about: "a deleted sandbox is 404 at the API and 401 at its toolbox, and its name is free",
    source: "measured",
    run: async (world, see) => {
      const box = await world.make("deleted");
      await box.delete(60, true);
      see.same("state", box.state, "destroyed");
      const failure = { name: "DaytonaNotFoundError", status: 404 };
      await see.fails("get", world.daytona.get(box.id), failure);
      const forgotten = await world.comes(async () => {
        const answer = await world.toolbox(box, "GET", "/version");
        return answer.status === 401;
      }, PROXY_CACHE_MS);
      const last = await world.toolbox(box, "GET", "/version");
      see.isTrue("the toolbox says 401", forgotten || last.status === 404, last.status);
      const next = await world.make("deleted");
      see.isTrue("the name is another sandbox's", next.id !== box.id);
      await next.delete();
    },
  },
  {
    id: "life.pause-container",
    about: "a sandbox of class container cannot be paused: 422",
    source: "measured",
    run: async (world, see) => {
      const box = await world.makeOfClass("container", "container");
      await see.fails("pause", box.pause(), {
        name: "DaytonaUnprocessableEntityError",
        status: 422,
        text: /Pausing is not supported for this sandbox/,
      });
      await box.refreshData();
      see.same("state", box.state, "started");
      await box.delete();
    },
  },
  {
    id: "life.pause-vm",
    about: "a pause of a virtual machine keeps its memory and its preview token",
    source: "documented",
    run: async (world, see) => {
      const box = await world.makeOfClass("vm", "linux-vm");
      const began = await box.process.executeCommand(
        "nohup sleep 300 >/dev/null 2>&1 </dev/null & echo $!",
      );
      const pid = began.result.trim();
      const { token } = await box.getPreviewLink(3000);
      await box.pause();
      see.same("state", box.state, "paused");
      await box.start();
      see.same("state after start", box.state, "started");
      const alive = await box.process.executeCommand(`kill -0 ${pid} && echo alive`);
      see.same("the process of before", alive.result, "alive\n");
      see.same("the preview token", (await box.getPreviewLink(3000)).token, token);
      await box.delete();
    },
  },
  {
    id: "life.recover-refused",
    about: "a sandbox without an error cannot be recovered: 400",
    source: "measured",
    run: async (world, see) => {
      const box = await world.box();
      const answer = await world.api("POST", `/sandbox/${box.id}/recover`);
      see.status("recover", answer, 400);
      see.like("its message", answer.text, /Sandbox is not in a recoverable state/);
    },
  },
  {
    id: "life.archive",
    about: "a stopped sandbox is archived, and started again with its files",
    source: "documented",
    run: async (world, see) => {
      const box = await world.makeOfClass("archive", "container");
      await box.process.executeCommand("echo kept > mark");
      await see.fails("archive while started", box.archive(), { status: 400 });
      await box.stop();
      await box.archive();
      const archived = await world.comes(async () => {
        await box.refreshData();
        return box.state === "archived";
      }, 30_000);
      if (!archived) throw new NotCheckable(`still ${String(box.state)} after 30 s`);
      await box.start(120);
      see.same("the file", (await box.process.executeCommand("cat mark")).result, "kept\n");
      await box.delete();
    },
  },
  {
    id: "life.resize",
    about: "a stopped sandbox takes another size",
    source: "documented",
    run: async (world, see) => {
      const box = await world.make("resize");
      await box.stop();
      await box.resize({ cpu: 2, memory: 2 });
      await box.refreshData();
      see.same("cpu and memory", [box.cpu, box.memory], [2, 2]);
      await box.delete();
    },
  },
  {
    id: "life.fork",
    about: "a fork has the files of its parent, and is another sandbox",
    source: "documented",
    run: async (world, see) => {
      const box = await world.makeOfClass("parent", "linux-vm");
      await box.process.executeCommand("echo parent > mark");
      const fork = await box.fork({ name: world.name("fork") });
      see.isTrue("it has an id of its own", fork.id !== box.id);
      see.same("the file", (await fork.process.executeCommand("cat mark")).result, "parent\n");
      await fork.delete();
      await box.delete();
    },
  },
  {
    id: "life.network-settings",
    about: "the network of a living sandbox can be blocked",
    source: "documented",
    run: async (world, see) => {
      const box = await world.make("network");
      await box.updateNetworkSettings({ networkBlockAll: true });
      await box.refreshData();
      see.same("networkBlockAll", box.networkBlockAll, true);
      await box.delete();
    },
  },
  {
    id: "life.ttl",
    about: "a time to live can be set and is told as the time of the end",
    source: "documented",
    run: async (world, see) => {
      const box = await world.make("ttl");
      await box.setTtl(60);
      const { json } = await world.api("GET", `/sandbox/${box.id}`);
      const endAt = Date.parse(String((json as Record<string, unknown>)["autoDestroyAt"]));
      see.isTrue("autoDestroyAt is a time", !Number.isNaN(endAt), endAt);
      await box.delete();
    },
  },
];
