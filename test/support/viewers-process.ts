/**
 * Many clients that look at terminals, as a process of their own, so that one signal stops them all
 * from reading. Looks as JSON in argv; says on stdout when every one has seen something.
 */
import { connectNode } from "../../src/client/node.ts";

export interface Looks {
  readonly url: string;
  readonly token: string;
  readonly at: readonly {
    readonly session: string;
    readonly terminal: string;
    readonly viewers: number;
  }[];
}

const { url, token, at } = JSON.parse(process.argv[2] ?? "{}") as Looks;

async function look(session: string, id: string): Promise<void> {
  const connection = await connectNode(() => ({ url, token }));
  const channel = await connection.attach(session, { intent: "observe" });
  await new Promise<void>((resolve, reject) => {
    const onData = (): void => resolve();
    const terminal = channel.attachTerminal({ id, readOnly: true, onData });
    terminal.opened.catch(reject);
    terminal.exit.catch(reject);
  });
}

let seeing = 0;
for (const { session, terminal, viewers } of at) {
  for (let viewer = 0; viewer < viewers; viewer++, seeing++) await look(session, terminal);
}
process.stdout.write(`${seeing} see\n`);
