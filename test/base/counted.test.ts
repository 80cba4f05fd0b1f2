import { expect, test } from "vitest";
import { counted } from "../../src/base/counted.ts";

test.each([
  [0, "nudge", "0 nudges"],
  [1, "nudge", "1 nudge"],
  [2, "process", "2 processes"],
  [3, "relaunch", "3 relaunches"],
  [4, "sandbox directory", "4 sandbox directories"],
  [5, "key", "5 keys"],
])("%i %s is said as %s", (count, one, said) => {
  expect(counted(count, one)).toBe(said);
});
