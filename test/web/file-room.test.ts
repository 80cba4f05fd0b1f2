import { expect, test } from "vitest";
import { concernsOf } from "../../src/web/action-dialog.tsx";
import { nameOf, parentOf, pathIn, textOf } from "../../src/web/file-room.ts";
import { interrupts } from "../../src/web/session-actions.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

test.each([
  ["/", "a", "/a", null, ""],
  ["/srv/u", "a b", "/srv/u/a b", "/srv", "u"],
  ["/srv", "..x", "/srv/..x", "/", "srv"],
])("in %s the name %s is %s", (directory, name, path, parent, own) => {
  expect(pathIn(directory, name)).toBe(path);
  expect([parentOf(directory), nameOf(directory)]).toEqual([parent, own]);
});

test("text is shown, what is none is not, and a letter that was cut in two does no harm", () => {
  expect(textOf(bytes("grün"), true)).toBe("grün");
  expect(textOf(bytes("grü").subarray(0, 3), false)).toBe("gr");
  expect(textOf(bytes("grü").subarray(0, 3), true)).toBeNull();
  expect(textOf(bytes("a\0b"), true)).toBeNull();
  expect(textOf(new Uint8Array(), true)).toBe("");
});

test("a person is asked before somebody is interrupted, and not before anything else", () => {
  const session = { sandboxId: "box" };
  const asked = (["pause", "resume", "retry", "probe", "remove"] as const).filter((action) =>
    interrupts(action, session),
  );
  expect(asked).toEqual(["pause", "retry", "remove"]);
  expect(interrupts("retry", { sandboxId: null })).toBe(false);
});

test("who is concerned is told in words", () => {
  const activity = (attached: number, running: number | null) =>
    ({ viewer: { attached }, process: { running } }) as never;
  expect(concernsOf({ activity: activity(0, 0) })).toBe(
    "Nobody is attached, and nothing runs in it.",
  );
  expect(concernsOf({ activity: activity(2, 1) })).toBe(
    "2 clients are attached, and one command runs in it.",
  );
  expect(concernsOf({ activity: activity(1, null) })).toBe(
    "One client is attached, and nobody knows what runs in it.",
  );
});
