import { expect, test } from "vitest";
import { modeText } from "../../src/platform/toolbox/file-info.ts";
import { portTarget } from "../../src/platform/toolbox/ports.ts";
import { json } from "../../src/platform/toolbox/reply.ts";
import { matchRoute } from "../../src/platform/toolbox/router.ts";
import { globExpression } from "../../src/platform/toolbox/search.ts";

const routes = [
  { method: "GET", path: "/files", handler: () => json("list") },
  {
    method: "GET",
    path: "/process/session/{session}/command/{command}/logs",
    handler: () => json(""),
  },
];

test("routes match whole paths, and words in braces are decoded", () => {
  const match = matchRoute(routes, "GET", "/process/session/a%2Fb/command/7/logs");
  expect(match).toMatchObject({ params: { session: "a/b", command: "7" } });
  expect(matchRoute(routes, "GET", "/files/")).toMatchObject({ params: {} });
  expect(matchRoute(routes, "POST", "/files")).toBe("wrong-method");
  expect(matchRoute(routes, "GET", "/file")).toBe("not-found");
  expect(matchRoute(routes, "GET", "/process/session/%E0%A4%A/command/7/logs")).toBe("not-found");
  expect(matchRoute(routes, "GET", "/process/session//command/7/logs")).toBe("not-found");
});

test.each([
  ["/proxy/8080", { port: 8080, path: "/" }],
  ["/proxy/8080/a/b?c=d", { port: 8080, path: "/a/b?c=d" }],
  ["/proxy/8080?c", { port: 8080, path: "/?c" }],
  ["/proxy/0/a", undefined],
  ["/proxy/65536/a", undefined],
  ["/proxy/80x/a", undefined],
  ["/files", undefined],
])("%s goes to %o", (url, target) => {
  expect(portTarget(url)).toEqual(target);
});

test("a name pattern is a shell's, not an expression", () => {
  expect(globExpression("*.t?t").test("a.txt")).toBe(true);
  expect(globExpression("*.txt").test("atxt")).toBe(false);
  expect(globExpression("a+(b)").test("a+(b)")).toBe(true);
});

test("modes are written as ls writes them", () => {
  const stat = (mode: number, kind: string) => ({
    mode,
    isDirectory: () => kind === "d",
    isSymbolicLink: () => kind === "l",
  });
  expect(modeText(stat(0o100644, "-"))).toBe("-rw-r--r--");
  expect(modeText(stat(0o040755, "d"))).toBe("drwxr-xr-x");
  expect(modeText(stat(0o120777, "l"))).toBe("lrwxrwxrwx");
});
