import { describe, expect, test } from "vitest";
import { endpointText, parseForward } from "../../src/cli/forward-rules.ts";

const text = (rule: string): string => {
  const { listen, target } = parseForward(rule, false);
  return `${endpointText(listen)} -> ${endpointText(target)}`;
};

describe("[PO4] a forward says where to listen and where to go", () => {
  test.each([
    ["3000", "3000 -> 3000"],
    ["8080:3000", "8080 -> 3000"],
    ["0:3000", "0 -> 3000"],
    ["db:5432", "5432 -> db:5432"],
    ["15432:db:5432", "15432 -> db:5432"],
    ["0.0.0.0:8080:3000", "0.0.0.0:8080 -> 3000"],
    ["127.0.0.1:8080:db:5432", "127.0.0.1:8080 -> db:5432"],
    ["[::1]:8080:[::1]:80", "[::1]:8080 -> [::1]:80"],
    ["8080:/run/x.sock", "8080 -> /run/x.sock"],
    ["./x.sock:/run/x.sock", "./x.sock -> /run/x.sock"],
    ["/tmp/x.sock:3000", "/tmp/x.sock -> 3000"],
    ["127.0.0.1:0:~/x.sock", "127.0.0.1:0 -> ~/x.sock"],
  ])("%s", (rule, meaning) => expect(text(rule)).toBe(meaning));

  test.each([
    ["0", "0 is no port: 1 to 65535"],
    ["8080:0", "0 is no port: 1 to 65535"],
    ["65536", "65536 is no port: 1 to 65535"],
    ["70000:80", "70000 is no port: 1 to 65535, or 0 for any that is free"],
    ["http", '"http" is neither a port nor a path'],
    ["80:", '"" is neither a port nor a path'],
    ["", '"" is neither a port nor a path'],
    ["-1", '"-1" is neither a port nor a path'],
    ["3000.5", '"3000.5" is neither a port nor a path'],
    ["/run/x.sock", "a path needs to be told where to listen"],
    ["1:2:3:4:5", "it has too many parts"],
    ["a:b:80", `"a" is neither a port nor a path`],
  ])("%j is told as wrong", (rule, said) => {
    expect(() => parseForward(rule, false)).toThrow(said);
  });
});
