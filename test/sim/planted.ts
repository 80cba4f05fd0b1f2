/**
 * Bugs to plant into the product's own source, one at a time, and the invariant that must catch
 * each. The text to find must stand in the file exactly once, so a plant that has gone stale is an
 * error and not a bug that nobody catches.
 */
export interface Plant {
  readonly id: string;
  /** What the mistake would be, in a reviewer's words. */
  readonly says: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const plant = (id: string, says: string, file: string, find: string, replace: string): Plant => ({
  id,
  says,
  file: `src/${file}`,
  find,
  replace,
});

export const plants: readonly Plant[] = [
  plant(
    "trust-status",
    "believes the platform's started",
    "hub/session/proof-work.ts",
    'if (verdict.code === "Connected") return null;',
    'if (verdict.code === "Connected" ||' +
      ' this.#desk.deps.board.claim?.state === "started") return null;',
  ),
  plant(
    "resume-is-connected",
    "a wake that answered counts as proof",
    "hub/session/start-states.ts",
    'src: "wakeSandbox",\n        input: ({ context }) => context,\n' +
      '        onDone: { target: "#nudging" },',
    'src: "wakeSandbox",\n        input: ({ context }) => context,\n' +
      '        onDone: { target: "#connected" },',
  ),
  plant(
    "no-filesystem-in-proof",
    "the judge forgets the filesystem",
    "probes/verdict.ts",
    '  { probe: "filesystem", path: "platform" },\n  { probe: "exec", path: "driver" },\n' +
      '  { probe: "filesystem", path: "driver" },',
    '  { probe: "exec", path: "driver" },',
  ),
  plant(
    "no-exec-in-proof",
    "the judge forgets exec",
    "probes/verdict.ts",
    '  { probe: "exec", path: "platform" },',
    "",
  ),
  plant(
    "no-inside-in-proof",
    "the judge asks only the platform's way in",
    "probes/verdict.ts",
    '  { probe: "exec", path: "driver" },\n  { probe: "filesystem", path: "driver" },',
    "",
  ),
  plant(
    "copy-is-as-good",
    "the judge does not ask whether both paths lead into one sandbox",
    "probes/verdict.ts",
    '  { probe: "sandbox", path: "driver" },\n',
    "",
  ),
  plant(
    "degraded-becomes-connected",
    "what is enough to stay is taken for enough to become",
    "hub/session/proof-states.ts",
    '{ guard: ({ event }) => event.output.fault === null, target: "#connected" },',
    "{ guard: ({ event }) => event.output.fault === null || event.output.degraded !== null," +
      ' target: "#connected" },',
  ),
  plant(
    "proof-outlives-epoch",
    "a proof goes on although another driver attached",
    "hub/session/proof-states.ts",
    '"driver.attached": {\n      target: "proving",\n' +
      '      reenter: true,\n      actions: ["noteDriver", "clearRechecks"],\n    },',
    '"driver.attached": { actions: ["noteDriver"] },',
  ),
  plant(
    "exit-code-is-enough",
    "exit 0 without the nonce counts as exec",
    "probes/exec-probe.ts",
    "if (!result.output.includes(nonce)) {",
    "if (!result.output.includes(nonce) && nonce === '') {",
  ),
  plant(
    "queued-is-pending",
    "an exec that is queued for ever counts as fine",
    "probes/exec-probe.ts",
    "return evidence(execCode(fault), fault.message);",
    'return evidence(execCode(fault) === "ExecQueued" ? null : execCode(fault), fault.message);',
  ),
  plant(
    "driver-gone-still-connected",
    "a lost link does not end connected",
    "hub/session/machine.ts",
    '"driver.detached": {\n      guard: "isCurrentEpoch",\n' +
      '      target: "nudging",\n' +
      '      actions: ["forgetDriver", "startAttempt", deadline("healMs")],\n    },',
    '"driver.detached": { guard: "isCurrentEpoch", actions: ["forgetDriver"] },',
  ),
  plant(
    "old-link-detaches-new",
    "the end of a replaced link takes the new driver away",
    "hub/session/session.ts",
    "if (this.#link !== link) return;\n    this.#link = null;",
    "this.#link = null;",
  ),
  plant(
    "old-link-kept",
    "a second driver attaches and the first stays",
    "hub/session/session.ts",
    'before?.end("replaced");',
    "void before;",
  ),
  plant(
    "epoch-not-confirmed-in-store",
    "the epoch of an attached driver is not written down",
    "hub/switchboard/attach.ts",
    "{ epoch, reason: hello.reason, impl: hello.impl, instance:" +
      " hello.instance },\n      { epoch },",
    "{ epoch, reason: hello.reason, impl: hello.impl, instance: hello.instance },\n      {},",
  ),
  plant(
    "epoch-not-issued-in-store",
    "epochs are issued from memory",
    "hub/switchboard/attach.ts",
    "{ epoch }, { epochIssued: epoch }",
    "{ epoch }, {}",
  ),
  plant(
    "one-epoch-counter",
    "the next epoch follows the confirmed one",
    "hub/switchboard/attach.ts",
    "nextEpoch(session.record.epochIssued, hello.lastEpoch)",
    "session.record.epoch + 1",
  ),
  plant(
    "twin-is-let-in",
    "a second driver takes the session from one that answers",
    "hub/switchboard/attach.ts",
    "        () => true,\n        () => false,",
    "        () => false,\n        () => false,",
  ),
  plant(
    "no-intent",
    "a sandbox is asked for before that is written down",
    "hub/session/start-work.ts",
    'ledger.note(\n      "sandbox.requested",',
    'ledger.note(\n      "session.entered",',
  ),
  plant(
    "no-sweep",
    "orphans are seen and left",
    "hub/janitor.ts",
    "for (const sighted of this.#sighted.values()) await this.#sweep(sighted);",
    "",
  ),
  plant(
    "sweeps-everything",
    "the janitor takes what a session uses",
    "hub/standing.ts",
    'if (isCurrent(listed, owner)) return "current";',
    'if (isCurrent(listed, owner)) return "orphan";',
  ),
  plant(
    "keeps-alive-unwanted",
    "a sandbox that nobody uses is kept awake",
    "hub/activity/keeper.ts",
    "if (because === null) {",
    'if (because === null && record.state !== "connected") {',
  ),
  plant(
    "reaper-ignores-age",
    "the janitor takes a new sandbox that nobody gave up",
    "hub/standing.ts",
    'return seenForMs < youngMs ? "young" : "orphan";',
    'return "orphan";',
  ),
  plant(
    "stuck-name-kept",
    "the next try waits for the sandbox that is stuck",
    "hub/session/start-work.ts",
    'if (!record.asked || record.state === "ended") return;',
    "if (record.asked || !record.asked) return;",
  ),
  plant(
    "restart-extends-deadline",
    "a hub that restarts gives the attempt its whole time again",
    "hub/session/recover.ts",
    "return Math.min(record.deadlineAt, now + wholeMs(record, policy));",
    "return now + wholeMs(record, policy);",
  ),
  plant(
    "auth-is-retryable",
    "a rejected key is climbed like any other fault",
    "base/faults.ts",
    'kind("operator", "never", http',
    'kind("operator", "same", http',
  ),
  plant(
    "nudges-connected",
    "the patrol nudges to be sure",
    "hub/session/proof-work.ts",
    "const proof = await this.proveSession(context, signal);",
    "await this.#driver.signalDriver(context, signal);\n" +
      "        const proof = await this.proveSession(context, signal);",
  ),
  plant(
    "paused-counts-as-started",
    "a wake does not start what is paused",
    "hub/session/sandbox-work.ts",
    'if (claim.state === "started") return { at: clock.now() };',
    'if (claim.state === "started" || claim.state === "paused") return { at: clock.now() };',
  ),
  plant(
    "suspended-on-faith",
    "a pause that was asked for before a crash counts as done",
    "hub/session/recover.ts",
    'return record.detail === "suspended.paused" ? "suspended.paused" : "suspended.requesting";',
    'return "suspended.paused";',
  ),
  plant(
    "dead-link-lives",
    "silence never ends a link",
    "hub/switchboard/driver-link.ts",
    "deadMs: limits.DRIVER_DEAD_MS,",
    "deadMs: 1e9,",
  ),
  plant(
    "removal-forgets-the-name",
    "a removal before the id is known deletes nothing, and nobody sweeps",
    "hub/janitor.ts",
    "this.#arm();\n  }\n\n  stop(): void {",
    "void this.#options;\n  }\n\n  stop(): void {",
  ),
  plant(
    "restarts-under-a-driver",
    "a broken exec is evidence for a restart, whatever the driver says",
    "hub/session/ladder-plan.ts",
    'if (driver === "answers") return refuse(',
    'if (driver === "dead") return refuse(',
  ),
  plant(
    "fresh-budgets-after-restart",
    "a hub that restarts gives the ladder its budgets again",
    "hub/session/recover.ts",
    "counts: begins ? noCounts : countsAfterRestart(record),",
    "counts: noCounts,",
  ),
  plant(
    "outcome-told-twice",
    "which attempts have told their end is not written down",
    "hub/session/outcome-book.ts",
    "const told = { ...change, attemptEnded: attempt };",
    "const told = { ...change };",
  ),
  plant(
    "outcome-forgotten",
    "an attempt that another one cancels never tells how it ended",
    "hub/session/session.ts",
    "if (attempt !== before.attempt) {",
    "if (attempt < before.attempt) {",
  ),
  plant(
    "quarantine-is-litter",
    "a replaced sandbox is given up instead of kept",
    "hub/session/ladder-work.ts",
    "quarantineSandbox(ledger.record, until, why)",
    "discardSandbox(ledger.record)",
  ),
  plant(
    "breaker-stays-open",
    "a look that is answered does not close the breaker",
    "hub/platform-watch/breaker.ts",
    "if (error === null) this.#close();",
    "if (error === null && this.#looks > 99) this.#close();",
  ),
  plant(
    "control-ignored",
    "whatever a control sandbox says, the platform is called well",
    "hub/session/ladder-work.ts",
    "return { verdict: said.verdict, fault, at: clock.now() };",
    'return { verdict: "platform-ok" as const, fault, at: clock.now() };',
  ),
  plant(
    "fallback-unsaid",
    "health passes although the sandbox is of another image",
    "hub/session/health.ts",
    'if (isSubstitute(record)) return "warn";',
    'if (isSubstitute(record) && record.epoch < 0) return "warn";',
  ),
  plant(
    "clone-accepted",
    "a second driver is let in without asking the first",
    "hub/switchboard/fence.ts",
    'return seen.incumbent ? { kind: "ask-incumbent" } : { kind: "admit", why: "alone" };',
    'return { kind: "admit", why: "alone" };',
  ),
  plant(
    "looks-for-ever",
    "a look that nobody could take is taken again at once",
    "hub/session/ladder-work.ts",
    'if (claim instanceof HubError) return answer("silent", claim);',
    'if (claim instanceof HubError) return answer("unseen", claim);',
  ),
  plant(
    "idle-by-wall-clock",
    "for how long nobody used it is read from a clock that people set",
    "store/activity.ts",
    "if (restedMs !== null) return restedMs >= idleMs;",
    "if (restedMs !== null) return now - at >= idleMs;",
  ),
  plant(
    "asks-before-kept",
    "a platform is asked before the fact of it is kept",
    "hub/session/kept-provider.ts",
    "const settled = this.#settled();",
    "const settled = this.#settled() && null;",
  ),
  plant(
    "forgets-unknown-commit",
    "a batch whose answer was lost is taken for refused",
    "store/journal.ts",
    "this.#timer = this.#clock.setTimeout(() => void this.#keep(batch), RETRY_MS);\n      return;",
    "for (const { reject } of batch.values()) reject(this.#trouble);",
  ),
  plant(
    "acts-without-facts",
    "a session goes on although its facts are not kept",
    "hub/session/session.ts",
    "if (this.#halted !== null && (this.#halted.isLost || !isLoss(error))) return;\n",
    'if (this.#halted !== null || error.message !== "") return;\n',
  ),
  plant(
    "stands-still-for-ever",
    "a session that stood still is not revived",
    "hub/standstill.ts",
    "if (session.revive()) this.#halted.delete(session);",
    "this.#halted.delete(session);",
  ),
  plant(
    "refused-action-throws",
    "an action whose fact is refused ends the machine and leaves its work running",
    "hub/session/bind.ts",
    "whereKept(() => context.works.start.giveUp(context.fault))",
    "(context.works.start.giveUp(context.fault), whereKept(() => undefined))",
  ),
  plant(
    "refusal-untold",
    "health keeps to itself that a session stands still",
    "hub/session/health.ts",
    "if (halted !== null) {\n    const text",
    "if (halted !== null && input.record.epoch < 0) {\n    const text",
  ),
  plant(
    "aborted-work-begins",
    "work that nobody waits for is begun all the same",
    "hub/platform-watch/guarded-provider.ts",
    "begin(call, waiting);",
    "void begin;",
  ),
];
