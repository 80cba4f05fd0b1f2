/** Says at the end of a run what was skipped and why: a silent skip looks like a pass. */
import { relative } from "node:path";
import type { Reporter, TestCase, TestModule } from "vitest/node";

/** What `describeWhere` and `testWhere` put into the name. */
const REASON = /\[skipped: ([^\]]*)\]/;

export default class SpokenSkips implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = new Map<string, number>();
    for (const module of modules) {
      const file = relative(process.cwd(), module.moduleId);
      for (const test of module.children.allTests("skipped")) {
        const line = `${file}: ${reasonOf(test)}`;
        counts.set(line, (counts.get(line) ?? 0) + 1);
      }
    }
    for (const [line, count] of counts) console.log(`skipped ${count} of ${line}`);
  }
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  const note = result.state === "skipped" ? result.note : undefined;
  return note ?? REASON.exec(test.fullName)?.[1] ?? `${test.fullName} (no reason given)`;
}
