/**
 * An SFTP server on stdin and stdout, for sandboxes that have no sftp-server of OpenSSH. It runs
 * inside, on the Node or Bun of the driver, so it is one file that needs nothing else.
 */
import { PACKET_BYTES_MAX, SftpFiles } from "./sftp-files.ts";

const LENGTH_BYTES = 4;
/** What came and is no whole packet yet. */
let waiting: Buffer = Buffer.alloc(0);
const files = new SftpFiles();

process.stdin.on("data", (bytes: Buffer) => {
  waiting = waiting.length === 0 ? bytes : Buffer.concat([waiting, bytes]);
  const answers: Buffer[] = [];
  while (waiting.length >= LENGTH_BYTES) {
    const end = LENGTH_BYTES + waiting.readUInt32BE(0);
    if (end > PACKET_BYTES_MAX + LENGTH_BYTES || end === LENGTH_BYTES) {
      process.stderr.write(`holdfast sftp: a packet of ${end - LENGTH_BYTES} bytes\n`);
      process.exit(1);
    }
    if (waiting.length < end) break;
    answers.push(files.answer(waiting.subarray(LENGTH_BYTES, end)));
    waiting = waiting.subarray(end);
  }
  // Who does not read its answers is read no further.
  if (process.stdout.write(Buffer.concat(answers))) return;
  process.stdin.pause();
  process.stdout.once("drain", () => process.stdin.resume());
});
