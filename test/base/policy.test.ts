/** The session policy as settings: durations, counts, retry classes, impossible budgets. */
import { describe, expect, test } from "vitest";
import { checkHubConfig, resolveConfig, type ConfigSources } from "../../src/base/config.ts";
import { parseDuration, writeDuration } from "../../src/base/duration.ts";
import { defaultPolicy, policyOf } from "../../src/base/policy-table.ts";
import { parseRetry, retryClasses, writeRetry } from "../../src/base/retry.ts";

const resolve = (env: Record<string, string>, content: unknown = {}) => {
  const sources: ConfigSources = {
    flags: {},
    env,
    file: { path: "/h/config.json", content },
    readSecret: () => ({ problem: "no such file" }),
    resolvePath: (path) => path,
  };
  return resolveConfig(sources);
};

/** `place | key | message` of every mistake that keeps a hub from starting. */
const mistakes = (env: Record<string, string>, content: unknown = {}): string[] =>
  checkHubConfig(resolve(env, content)).map(
    ({ place, key, message }) => `${place} | ${key} | ${message}`,
  );

describe("durations", () => {
  test.for([
    ["500ms", 500],
    ["90s", 90_000],
    ["1m30s", 90_000],
    ["1.5s", 1_500],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
  ] as const)("%s", ([text, ms]) => {
    expect(parseDuration(text)).toBe(ms);
    expect(parseDuration(writeDuration(ms))).toBe(ms);
  });

  test.for(["", "90", "-5s", "5 s", "1x", "s", "1s,2s", "1e3s", "Infinitys"])(
    "%j is none",
    (text) => {
      expect(parseDuration(text)).toBeNull();
    },
  );

  test("what is written parses back, for any length", () => {
    for (let ms = 0; ms < 400_000; ms += 37) expect(parseDuration(writeDuration(ms))).toBe(ms);
  });
});

describe("the policy as settings", () => {
  test("[CF1] its defaults are the defaults of the settings", () => {
    const resolved = resolve({});
    expect(checkHubConfig(resolved)).toEqual([]);
    expect(policyOf(resolved.config)).toEqual(defaultPolicy);
  });

  test("[CF1] the file groups what the environment names, and the environment wins", () => {
    const { config, origins } = resolve(
      { HOLDFAST_CREATE_DEADLINE: "300s" },
      {
        deadlines: { create: "90s", stall: "45s" },
        budgets: { relaunches: 3, nudgeWaits: "1s,2s" },
      },
    );
    expect([config.createMs, config.stallMs, config.relaunchesMax]).toEqual([300_000, 45_000, 3]);
    expect(config.nudgeWaitsMs).toEqual([1_000, 2_000]);
    expect(origins.createMs).toEqual({
      origin: "env",
      place: "environment HOLDFAST_CREATE_DEADLINE",
    });
    expect(origins.stallMs.origin).toBe("file");
  });

  test("[CF2] every wrong value is said at once, with key and place and what is right", () => {
    const said = mistakes(
      {
        HOLDFAST_PAUSE_DEADLINE: "-5s",
        HOLDFAST_RESTARTS: "99",
        HOLDFAST_JANITOR_PACE: "90",
        HOLDFAST_PATROL_PACE: "soon",
        HOLDFAST_NUDGE_WAITS: "1s,x",
        HOLDFAST_HEAL_DEADLIN: "5s",
      },
      { deadlines: { creat: "1s", stall: 5 }, budgets: "none", pace: { watch: "1ms" } },
    );
    expect(said).toEqual([
      "file /h/config.json | deadlines.creat | unknown setting; did you mean deadlines.create?",
      "file /h/config.json | deadlines.stall | the value must be a text in double quotes",
      'file /h/config.json | budgets | the value must be an object: {"budgets": {"driverWait": "…"}}',
      "environment HOLDFAST_HEAL_DEADLIN | HOLDFAST_HEAL_DEADLIN | unknown variable; did you mean HOLDFAST_HEAL_DEADLINE?",
      'environment HOLDFAST_PAUSE_DEADLINE | deadlines.pause | "-5s" is negative; it is a time from 1ms to 1d',
      'environment HOLDFAST_NUDGE_WAITS | budgets.nudgeWaits | "x" is no duration, for example 500ms, 90s or 1m30s',
      expect.stringContaining('| budgets.restarts | "99" is not a whole number from 0 to'),
      'file /h/config.json | pace.watch | "1ms" is not from 50ms to 1m',
      expect.stringContaining('| pace.patrol | "soon" is no duration'),
      'environment HOLDFAST_JANITOR_PACE | pace.janitor | "90" has no unit: write 90s or 90ms',
    ]);
  });

  test("[CF3] waits that cannot fit their deadline name both keys and the numbers", () => {
    expect(mistakes({ HOLDFAST_STALL_DEADLINE: "3m" })).toEqual([
      "environment HOLDFAST_STALL_DEADLINE | deadlines.stall | impossible budget: " +
        "deadlines.stall (3m) must be less than deadlines.create (2m)",
    ]);
    expect(mistakes({ HOLDFAST_NUDGE_WAITS: "5s,6s" })).toEqual([
      "environment HOLDFAST_NUDGE_WAITS | budgets.nudgeWaits | impossible budget: " +
        "budgets.nudgeWaits (11s in all) must be less than deadlines.nudge (10s)",
    ]);
    const [late, ...others] = mistakes({ HOLDFAST_RELAUNCH_DEADLINE: "9s" });
    expect(others).toEqual([]);
    expect(late).toContain("2 × budgets.driverWait (16s, from budgets.relaunches) must be less");
    const [said, ...more] = mistakes({}, { deadlines: { heal: "20s" } });
    expect(more).toEqual([]);
    expect(said).toMatch(/^file .* \| deadlines.heal \| impossible budget: /);
    expect(said).toContain("budgets.nudgeWaits (6s in all)");
    expect(said).toContain("2 × budgets.driverWait (16s, from budgets.relaunches)");
    expect(said).toMatch(/= 24s must be less than deadlines.heal \(20s\)$/);
  });

  test("[CF3] a value that could not be read is one mistake, not two", () => {
    expect(mistakes({ HOLDFAST_CREATE_DEADLINE: "1", HOLDFAST_STALL_DEADLINE: "3m" })).toHaveLength(
      1,
    );
  });

  test("[CF3] a client on the same environment is not held to it", () => {
    expect(resolve({ HOLDFAST_STALL_DEADLINE: "3m" }).mistakes).toEqual([]);
  });
});

describe("retry classes", () => {
  const problem = (text: string): string => {
    const parsed = parseRetry(text);
    return "problem" in parsed ? parsed.problem : "";
  };

  test("[CF4] are the categories that another try can help", () => {
    expect([...retryClasses].sort()).toEqual(
      ["capacity", "defect", "driver", "environment", "startup", "verification", "wire"].sort(),
    );
    expect(parseRetry("startup=2, environment=1,capacity=0")).toEqual({
      value: { startup: 2, environment: 1, capacity: 0 },
    });
    expect(parseRetry("none")).toEqual({ value: {} });
    expect(parseRetry(writeRetry({ startup: 2 }))).toEqual({ value: { startup: 2 } });
  });

  test.for([
    ["statrup=1", '"statrup" is no retry class (did you mean startup?)'],
    ["startup=-1", "startup=-1: the count is a whole number from 0 to 10"],
    ["startup=1.5", "startup=1.5: the count"],
    ["startup=1000", "startup=1000: the count"],
    ["startup=", "startup=: the count"],
    ["startup", '"startup" is not CLASS=COUNT'],
    ["startup=1,startup=2", "startup is given twice"],
    ["auth=1", "auth cannot be tried again: a refused key is refused again"],
    ["quota=3", "quota cannot be tried again: a full quota"],
    ["config=1", "config cannot be tried again: a wrong setting"],
    ["operator=1", "operator cannot be tried again"],
    ["__proto__=1", '"__proto__" is no retry class'],
    ["constructor=1", '"constructor" is no retry class'],
    ["", "is not CLASS=COUNT"],
  ] as const)("[CF4] %j says what is wrong", ([text, said]) => {
    expect(problem(text)).toContain(said);
  });

  test("[CF4] all problems of one text are said together, and a never of 0 is no problem", () => {
    expect(problem("x=1,auth=2,startup=z").split("; ").length).toBeGreaterThanOrEqual(3);
    expect(parseRetry("auth=0,startup=1")).toEqual({ value: { startup: 1 } });
  });
});

describe("idle times", () => {
  test("[AY7] half an hour unless it is said otherwise, and never only by that word", () => {
    expect(resolve({}).config).toMatchObject({ autoStopMs: 1_800_000, idlePauseMs: null });
    const { config } = resolve({ HOLDFAST_AUTO_STOP: "never", HOLDFAST_IDLE_PAUSE: "2h" });
    expect(config).toMatchObject({ autoStopMs: null, idlePauseMs: 7_200_000 });
  });

  test("[AY7] zero, seconds, and a pause that never comes are refused with what is right", () => {
    expect(mistakes({ HOLDFAST_AUTO_STOP: "0", HOLDFAST_IDLE_PAUSE: "90s" })).toEqual([
      'environment HOLDFAST_AUTO_STOP | idle.autoStop | "0" would mean at once or for ever: ' +
        "write a time, or never",
      'environment HOLDFAST_IDLE_PAUSE | idle.pause | "90s" is not in whole minutes, which is how ' +
        "platforms count",
    ]);
    expect(mistakes({ HOLDFAST_AUTO_STOP: "1h", HOLDFAST_IDLE_PAUSE: "60m" })).toEqual([
      "environment HOLDFAST_IDLE_PAUSE | idle.pause | a pause after 1h never comes: the platform " +
        "stops the sandbox after 1h (idle.autoStop)",
    ]);
  });
});
