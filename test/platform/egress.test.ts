import { expect, test } from "vitest";
import { findDestination, isPublicAddress } from "../../src/platform/egress.ts";

test.each([
  ["93.184.216.34", true],
  ["2606:2800:220:1:248:1893:25c8:1946", true],
  ["127.0.0.1", false],
  ["127.9.9.9", false],
  ["0.0.0.0", false],
  ["10.1.2.3", false],
  ["172.16.0.1", false],
  ["192.168.1.1", false],
  ["169.254.169.254", false],
  ["100.64.0.1", false],
  ["224.0.0.1", false],
  ["255.255.255.255", false],
  ["::1", false],
  ["::", false],
  ["fe80::1", false],
  ["fd00::1", false],
  ["::ffff:127.0.0.1", false],
  ["::ffff:10.0.0.1", false],
  ["not an address", false],
])("%s public: %s", (address, isPublic) => {
  expect(isPublicAddress(address)).toBe(isPublic);
});

test("the address that was judged is the one to dial, and the name is asked once", async () => {
  let asked = 0;
  const rebinding = async (): Promise<string[]> =>
    asked++ === 0 ? ["93.184.216.34"] : ["127.0.0.1"];
  expect(await findDestination("example.test", 443, rebinding)).toEqual({
    ok: true,
    address: "93.184.216.34",
    port: 443,
  });
  expect(asked).toBe(1);
});

test("one private address among public ones is enough to refuse", async () => {
  const mixed = async (): Promise<string[]> => ["93.184.216.34", "10.0.0.1"];
  expect(await findDestination("mixed.test", 80, mixed)).toMatchObject({
    ok: false,
    why: expect.stringContaining("10.0.0.1") as string,
  });
});

test.each([
  ["", 80],
  ["example.test", 0],
  ["example.test", 65_536],
  ["example.test", Number.NaN],
  ["[::1]", 80],
  ["0x7f000001", 80],
  ["2130706433", 80],
  ["127.1", 80],
])("%s:%s is refused", async (host, port) => {
  const asLibcWould = async (): Promise<string[]> => ["127.0.0.1"];
  expect((await findDestination(host, port, asLibcWould)).ok).toBe(false);
});

test("a name that cannot be resolved is told as such", async () => {
  const failing = (): Promise<string[]> => Promise.reject(new Error("ENOTFOUND"));
  expect(await findDestination("gone.test", 80, failing)).toEqual({
    ok: false,
    why: "cannot resolve gone.test: ENOTFOUND",
  });
});
