/** The platform's process: reads flags and environment, starts, says so in one line, ends well. */
import { resolve } from "node:path";
import { pino } from "pino";
import { parsePlatformOptions } from "./options.ts";
import { PlatformStartError, textOf } from "./outcome.ts";
import { Platform } from "./platform.ts";

async function main(): Promise<void> {
  const parsed = parsePlatformOptions(process.argv.slice(2), process.env);
  if (!parsed.ok) {
    process.stderr.write(`${parsed.problems.join("\n")}\n`);
    process.exitCode = 2;
    return;
  }
  // Files that sandboxes share are readable by their users; secrets carry their own mode.
  process.umask(0o022);
  // Who asks for the end while it starts gets it once there is something that can be ended well.
  const asked = Promise.withResolvers<void>();
  process.once("SIGTERM", () => asked.resolve());
  process.once("SIGINT", () => asked.resolve());
  const platform = await Platform.start(
    parsed.options,
    pino(pino.destination({ dest: 2, sync: true })),
  );
  const facts = platform.facts();
  const line = parsed.options.json
    ? JSON.stringify({ ...facts, apiKey: platform.apiKey })
    : `platform ready at ${facts.apiUrl} · isolation ${facts.tier} · root ${facts.root} · ` +
      `pause ${facts.pause} · network ${facts.network}`;
  process.stdout.write(`${line}\n`);
  if (!parsed.options.json) {
    const key = `"$(cat '${resolve(parsed.options.dataDir, "api-key")}')"`;
    const { apiUrl, target } = facts;
    const set = `DAYTONA_API_URL=${apiUrl} DAYTONA_TARGET=${target} DAYTONA_API_KEY=${key}`;
    process.stdout.write(`for a Daytona SDK: export ${set}\n`);
  }
  await Promise.race([asked.promise, platform.whenEndRequested()]);
  await platform.close();
}

main().catch((error: unknown) => {
  // A disk that is full or read-only is the machine's, and tells no place in our code.
  const isOfSystem = error instanceof Error && "syscall" in error && "code" in error;
  const known = error instanceof PlatformStartError || isOfSystem;
  process.stderr.write(`platform: ${known ? error.message : String((error as Error).stack)}\n`);
  if (!known && !(error instanceof Error)) process.stderr.write(`${textOf(error)}\n`);
  process.exitCode = 1;
});
