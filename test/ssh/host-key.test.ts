/** Host keys: each that is made can be used. */
import { expect, test } from "vitest";
import { knownHostsLine, makeHostKey, readHostKey } from "../../src/ssh/host-key.ts";

/** ssh2 by itself makes about four of these wrong. */
const KEYS = 800;

test("[SSH8] every host key that is made can be read, and its known_hosts line names its public half", () => {
  for (let i = 0; i < KEYS; i++) {
    const key = makeHostKey();
    expect(readHostKey(key.privateKey)).toEqual(key);
    expect(Buffer.from(key.publicKey.split(" ")[1] ?? "", "base64").length).toBe(51);
  }
  const key = makeHostKey();
  expect(knownHostsLine(key)).toBe(`holdfast ${key.publicKey}\n`);
  expect(readHostKey("no key")).toBeNull();
});
