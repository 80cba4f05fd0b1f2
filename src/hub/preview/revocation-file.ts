/** What was taken back, in a file of the state directory: replaced as a whole. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { HubError } from "../../base/hub-error.ts";
import type { Revocation, RevocationShelf } from "./revocations.ts";

const Book = Type.Object({
  version: Type.Literal(1),
  revocations: Type.Array(
    Type.Object({
      session: Type.String(),
      port: Type.Union([Type.Integer(), Type.Null()]),
      count: Type.Integer({ minimum: 1 }),
    }),
  ),
});

export function revocationFile(path: string): RevocationShelf {
  return {
    read: () => (existsSync(path) ? parse(path) : []),
    write(revocations) {
      try {
        const text = `${JSON.stringify({ version: 1, revocations }, null, 1)}\n`;
        writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true });
        renameSync(`${path}.new`, path);
      } catch (cause) {
        throw new HubError("HomeNotWritable", `${path}: ${String(cause)}`, { cause });
      }
    },
  };
}

/** One that cannot be read would let in who was put out: the hub does not start with it. */
function parse(path: string): readonly Revocation[] {
  let book: unknown;
  try {
    book = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new HubError("StoreCorrupt", `${path} cannot be read: ${String(cause)}`, { cause });
  }
  if (Value.Check(Book, book)) return book.revocations;
  throw new HubError("StoreCorrupt", `${path} holds no revocations of this version`);
}
