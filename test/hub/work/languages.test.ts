import { describe, expect, test } from "vitest";
import { errorLineOf, languageOf } from "../../../src/hub/work/languages.ts";

const errorOf = (language: string | null, stderr: string): string | null =>
  errorLineOf(stderr, language === null ? null : languageOf(language));

describe("the line that says what went wrong", () => {
  test("[WK1] of Python is the last line of the traceback, also behind what is said later", () => {
    const traceback = 'Traceback (most recent call last):\n  File "<stdin>", line 1\n';
    const said = `${traceback}ZeroDivisionError: division by zero\n`;
    expect(errorOf("python", said)).toBe("ZeroDivisionError: division by zero");
    expect(errorOf("python", `${said}goodbye\n`)).toBe("ZeroDivisionError: division by zero");
    expect(errorOf("python", `${traceback}my.pkg.OwnError: no\n`)).toBe("my.pkg.OwnError: no");
    expect(errorOf("python", `${traceback}KeyboardInterrupt\n`)).toBe("KeyboardInterrupt");
  });

  test("[WK1] of scripts is the error's own, and not the end of its stack", () => {
    const said = "[stdin]:1\nthrow x\n^\n\nTypeError: no\n    at [stdin]:1:7\n\nNode.js v20.20.2\n";
    expect(errorOf("javascript", said)).toBe("TypeError: no");
    const coded = "Error [ERR_X]: it is so\n    at a (b:1:2) {\n  code: 'ERR_X'\n}\n";
    expect(errorOf("typescript", coded)).toBe("Error [ERR_X]: it is so");
  });

  test("[WK1] of a shell or a command is the last that was said", () => {
    expect(errorOf("bash", "bash: line 1: nope: command not found\nbye\n")).toMatch(/nope/);
    expect(errorOf(null, "one\ntwo\n\n")).toBe("two");
    expect(errorOf(null, "  indented\n")).toBe("  indented");
    expect(errorOf(null, "")).toBeNull();
  });
});

describe("how code is run", () => {
  const programOf = (language: string, code: string) =>
    languageOf(language)?.prepare(code).programs[0]?.join(" ");

  test("[WK1] languages have their names and what people call them", () => {
    expect(languageOf("PY")?.name).toBe("python");
    expect(languageOf("ts")?.name).toBe("typescript");
    expect(languageOf("constructor")).toBeNull();
    expect(languageOf("cobol")).toBeNull();
  });

  test("[WK1] a script that says import, export or await at a line's begin is a module", () => {
    expect(programOf("js", 'import os from "os"')).toContain("module");
    expect(programOf("js", "const x = await y")).toContain("module");
    expect(programOf("js", "1;\nexport const a = 1")).toContain("module");
    expect(programOf("js", 'const os = require("os")')).toBe("node -");
    expect(programOf("js", 'import("os").then(f)')).toBe("node -");
  });

  test("[WK1] TypeScript is run by any Node, and what is none fails with its reason", () => {
    const made = languageOf("typescript")?.prepare("enum A { B = 2 }\nconst x: A = A.B; f(x)");
    expect(made?.stdin).not.toMatch(/enum|: A/);
    expect(languageOf("typescript")?.prepare("const x: = 3").stdin).toMatch(/^throw new SyntaxE/);
  });
});
