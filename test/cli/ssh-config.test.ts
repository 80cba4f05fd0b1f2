/** The block in ssh_config and the names that ssh hands on: texts in, texts out. */
import { expect, test } from "vitest";
import { BEGIN, END, blockDiff, findBlock, makeBlock, withBlock } from "../../src/cli/ssh-block.ts";
import { editorUrl } from "../../src/cli/editor-link.ts";
import { sessionOfHost } from "../../src/cli/ssh-hosts.ts";
import { controlOptions, sshOptions } from "../../src/cli/ssh-options.ts";

const block = makeBlock(".holdfast", [["Port", "1"]]);

test("[SSH8] the block comes first, is replaced where it stands, and leaves no trace when it goes", () => {
  for (const own of ["", "Host a\n  User b\n", "Port 5", "\n\nHost a\r\n"]) {
    const written = withBlock(findBlock(own, "f"), block);
    expect(written.startsWith(`${BEGIN}\nHost *.holdfast\n  Port 1\nMatch all\n${END}\n`)).toBe(
      true,
    );
    expect(withBlock(findBlock(written, "f"), [])).toBe(own);
    const moved = `Host before\n${written}`;
    const other = makeBlock(".x", [["Port", "2"]]);
    const changed = withBlock(findBlock(moved, "f"), other);
    expect(changed).toBe(moved.replace("*.holdfast", "*.x").replace("Port 1", "Port 2"));
  }
  expect(blockDiff("f", block, makeBlock(".holdfast", [["Port", "2"]]))).toContain("-  Port 1\n");
});

test("[SSH8] marks that are not one pair are told with their lines, and nothing is guessed", () => {
  for (const text of [BEGIN, END, `${END}\n${BEGIN}`, `${BEGIN}\n${BEGIN}\n${END}`]) {
    expect(() => findBlock(text, "f")).toThrow(/f: the marks of holdfast are not one pair/);
  }
});

test("[SSH8] words reach ssh's shell as they are, and a path that cannot be said is refused", () => {
  const proxy = ["/a b/node", "it's", "100%", "-x"];
  const options = new Map(sshOptions({ proxy, knownHosts: "/a b/100%/known" }));
  expect(options.get("ProxyCommand")).toBe(`'/a b/node' 'it'\\''s' '100%%' -x -- '%n'`);
  expect(options.get("UserKnownHostsFile")).toBe('"/a b/100%%/known"');
  expect(() => sshOptions({ proxy, knownHosts: '/a"b' })).toThrow(/cannot name/);
  expect(() => sshOptions({ proxy: ["a\nb"], knownHosts: "/a" })).toThrow(/cannot name/);
  expect(new Map(controlOptions("/a%", "10m")).get("ControlPath")).toBe('"/a%%/%C"');
  expect(() => controlOptions("/a", "soon")).toThrow(/is no time of ssh/);
});

test("[SSH7] only a plain word is a session's name", () => {
  expect(sessionOfHost("demo.holdfast", ".holdfast")).toBe("demo");
  expect(sessionOfHost("demo.holdfast", undefined)).toBe("demo.holdfast");
  const bad = ["-oProxyCommand=id", "a\nb", "%h", "a b", "", ".holdfast", "a;b", "x".repeat(200)];
  for (const word of bad) {
    expect(() => sessionOfHost(word, ".holdfast")).toThrow(/is no name of a session/);
  }
});

test("[SSH8] an editor's address names the host and the directory, whatever is in its name", () => {
  const path = "/srv/a b/ü#?%";
  const place = "/srv/a%20b/%C3%BC%23%3F%25";
  const remote = `vscode-remote/ssh-remote+demo.holdfast${place}`;
  expect(editorUrl("vscode", "demo.holdfast", path)).toBe(`vscode://${remote}`);
  expect(editorUrl("cursor", "demo.holdfast", path)).toBe(`cursor://${remote}`);
  expect(editorUrl("zed", "demo.holdfast", path)).toBe(`zed://ssh/demo.holdfast${place}`);
});
