/** What programs import is what docs/api says; `npm run api` writes it after a change. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { apiReports } from "../../build/api-report.ts";

const root = join(import.meta.dirname, "..", "..");

test("the exports of the package are those of docs/api (npm run api)", async () => {
  const reports = await apiReports();
  expect([...reports.keys()]).toHaveLength(3);
  for (const [path, text] of reports) {
    expect(text).toContain("--- ");
    expect(text, path).toBe(readFileSync(join(root, path), "utf8"));
  }
}, 60_000);
