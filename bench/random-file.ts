/** A file that nothing can make smaller, and of which no two MiB are alike. */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { seededRandom } from "../src/base/random.ts";

const MIB = 1024 * 1024;

/** In whole MiB. */
export async function writeRandom(path: string, bytes: number): Promise<void> {
  const block = Buffer.from(seededRandom("content").bytes(MIB));
  let made = 0;
  const source = new Readable({
    read() {
      if (made >= bytes) this.push(null);
      else {
        block.writeUInt32BE(made / MIB, 0);
        made += MIB;
        this.push(Buffer.from(block));
      }
    },
  });
  await pipeline(source, createWriteStream(path));
}
