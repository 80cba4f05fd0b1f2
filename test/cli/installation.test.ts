/** What a person has to type next, told by where this Holdfast lies. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { asTyped, commandAt, commandName } from "../../src/cli/installation.ts";

let here = "";
beforeEach(() => {
  here = mkdtempSync(join(tmpdir(), "hf-installed-"));
});
afterEach(() => rmSync(here, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(here, file)), { recursive: true });
  writeFileSync(join(here, file), text);
}

describe("the command as it is typed", () => {
  test("in a checkout npx finds it", () => {
    write("src/cli/main.ts", "");
    expect(commandAt(`${here}/`)).toBe("npx holdfast");
  });

  test("is what every example and next step says", () => {
    const typed = `${commandName} new demo`;
    expect(commandName).not.toBe("holdfast");
    expect(asTyped("holdfast new demo")).toBe(typed);
    expect(asTyped("DAYTONA_API_KEY=… holdfast new demo")).toBe(`DAYTONA_API_KEY=… ${typed}`);
    expect(asTyped('eval "$(holdfast completion bash)"')).toBe(
      `eval "$(${commandName} completion bash)"`,
    );
    expect(asTyped("ssh demo.holdfast ls")).toBe("ssh demo.holdfast ls");
  });

  test("installed for all it is in the PATH", () => {
    expect(commandAt(`${here}/lib/node_modules/holdfast/`)).toBe("holdfast");
  });

  test("installed in a project it is not, and npx finds it there", () => {
    write("package.json", "{}");
    expect(commandAt(`${here}/node_modules/holdfast/`)).toBe("npx holdfast");
  });

  test("a tarball that npx unpacked is named again, else npx asks a registry", () => {
    const asked = { dependencies: { holdfast: "file:../../../files/holdfast-0.1.0.tgz" } };
    write("cache/_npx/8cf374/package.json", JSON.stringify(asked));
    expect(commandAt(`${here}/cache/_npx/8cf374/node_modules/holdfast/`)).toBe(
      `npx --package ${here}/files/holdfast-0.1.0.tgz holdfast`,
    );
  });

  test("a package of a registry is found by its name", () => {
    const asked = { dependencies: { holdfast: "^0.1.0" } };
    write("cache/_npx/8cf374/package.json", JSON.stringify(asked));
    expect(commandAt(`${here}/cache/_npx/8cf374/node_modules/holdfast/`)).toBe("npx holdfast");
  });
});
