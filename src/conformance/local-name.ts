import { request } from "node:http";

export interface PlainAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * A GET to a name below localhost, dialled as this machine. Browsers know such names by
 * themselves; resolvers often do not, and fetch cannot be told another Host.
 */
export function askByName(
  at: URL,
  headers: Readonly<Record<string, string>>,
  waitMs: number,
): Promise<PlainAnswer> {
  return new Promise((resolve, reject) => {
    const asking = request({
      host: "127.0.0.1",
      port: at.port,
      path: at.pathname + at.search,
      headers: { ...headers, host: at.host },
      timeout: waitMs,
      agent: false,
    });
    asking.on("response", (answer) => {
      const pieces: Buffer[] = [];
      answer.on("data", (piece: Buffer) => pieces.push(piece));
      answer.on("error", reject);
      answer.on("end", () => {
        const pairs = Object.entries(answer.headersDistinct).flatMap(([name, values = []]) =>
          values.map((value): [string, string] => [name, value]),
        );
        const text = Buffer.concat(pieces).toString();
        resolve({ status: answer.statusCode ?? 0, headers: new Headers(pairs), text });
      });
    });
    asking.on("timeout", () => asking.destroy(new Error(`${at.host} has no answer`)));
    asking.on("error", reject);
    asking.end();
  });
}
