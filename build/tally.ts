/**
 * Closes a test run with what failed, each with the first line of its reason, and with the plain
 * line `N passed, N failed, N skipped`, counted from vitest's JSON report: whoever sees only the
 * end of a long log still sees which. Ends with 1 when nothing ran, when something failed, or when
 * there is no report.
 */
import { readFileSync } from "node:fs";
import { relative } from "node:path";

interface Report {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly status: string;
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

const path = process.argv[2];
if (path === undefined) throw new Error("usage: tally.ts REPORT.json");
const report = JSON.parse(readFileSync(path, "utf8")) as Report;
const tests = report.testResults.flatMap((file) => file.assertionResults);
const count = (...statuses: readonly string[]): number =>
  tests.filter(({ status }) => statuses.includes(status)).length;

const passed = count("passed");
const skipped = tests.length - passed - count("failed");
/** A file that breaks before its first test has no failed test of its own. */
const broken = report.testResults.filter(
  ({ status, assertionResults }) =>
    status === "failed" && !assertionResults.some((one) => one.status === "failed"),
);
const failed = count("failed") + broken.length;

const firstLine = (text: string | undefined): string =>
  (text ?? "").split("\n", 1)[0]?.slice(0, 300) ?? "";
for (const file of report.testResults)
  for (const one of file.assertionResults)
    if (one.status === "failed") {
      const where = relative(process.cwd(), file.name);
      console.log(`failed: ${where}: ${one.fullName}: ${firstLine(one.failureMessages?.[0])}`);
    }
for (const file of broken) console.log(`broken: ${file.name}: ${file.message}`);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || passed === 0 || !report.success ? 1 : 0;
