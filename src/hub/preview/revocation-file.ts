/** What was taken back, in a file of the state directory. */
import { join } from "node:path";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { FileShelf } from "../shelf.ts";
import type { Revocation } from "./revocations.ts";

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

export function revocationFileIn(home: string): string {
  return join(home, "preview-revocations.json");
}

/** One that cannot be read would let in who was put out. @throws HubError StoreCorrupt */
export function revocationFile(path: string): FileShelf<Revocation> {
  return new FileShelf(path, {
    read: (book) => (Value.Check(Book, book) ? book.revocations : null),
    write: (revocations) => ({ version: 1, revocations: [...revocations] }),
  });
}
