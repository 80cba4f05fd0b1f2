/** Who gets in over a port: only who proves a key that stands by itself in the file. */
import ssh2, { type AuthContext } from "ssh2";
import { expect, test } from "vitest";
import { judgeKey, readAuthorizedKeys } from "../../src/ssh/authorized-keys.ts";
import { makeHostKey } from "../../src/ssh/host-key.ts";

const mine = makeHostKey();
const other = makeHostKey();

test("[SSH11] a line with options, or that is no key, lets nobody in and is named", () => {
  const { keys, refused } = readAuthorizedKeys(
    [
      "# a comment",
      "",
      `${mine.publicKey} ada@laptop`,
      `command="true" ${other.publicKey}`,
      `from="10.0.0.1" ${other.publicKey}`,
      "ssh-ed25519 AAAA",
      "ssh-dss AAAAB3NzaC1kc3MAAACB",
      "nonsense",
    ].join("\n"),
  );
  expect(keys.map((key) => key.getPublicSSH().toString("base64"))).toEqual([
    mine.publicKey.split(" ")[1],
  ]);
  expect(refused.map((line) => line.split(":")[0])).toEqual(
    [4, 5, 6, 7, 8].map((n) => `line ${n}`),
  );
});

test("[SSH11] a key is asked for its signature, and only the right one over these very bytes proves it", () => {
  const allowed = readAuthorizedKeys(mine.publicKey);
  const judge = (context: object): string => judgeKey(context as AuthContext, allowed);
  const [secret] = [ssh2.utils.parseKey(mine.privateKey)].flat();
  if (secret === undefined || secret instanceof Error) throw new Error("no key");
  const blob = Buffer.from("what was signed");
  const key = { algo: "ssh-ed25519", data: secret.getPublicSSH() };
  const signature = secret.sign(blob);
  const asked = { method: "publickey", key };
  expect(judge(asked)).toBe("asks");
  expect(judge({ ...asked, blob, signature })).toBe("proven");
  expect(judge({ ...asked, blob: Buffer.from("other bytes"), signature })).toBe("refused");
  expect(judge({ ...asked, blob, signature: Buffer.alloc(signature.length) })).toBe("refused");
  expect(judge({ ...asked, blob, signature: Buffer.alloc(1) })).toBe("refused");
  expect(judge({ ...asked, key: { algo: "ssh-ed25519", data: Buffer.alloc(51) } })).toBe("refused");
  for (const method of ["none", "password", "keyboard-interactive", "hostbased"]) {
    expect(judge({ method, key, blob, signature, password: "" })).toBe("refused");
  }
  expect(judgeKey(asked as AuthContext, readAuthorizedKeys(""))).toBe("refused");
});
