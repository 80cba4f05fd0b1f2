/** A real hub as a process of its own: options as JSON in argv, its address on stdout. */
import { startHub, type HubOptions } from "../../src/hub/main.ts";

const hub = await startHub(JSON.parse(process.argv[2] ?? "{}") as HubOptions);
process.once("SIGTERM", () => {
  void hub.close().then(() => process.exit(0));
});
void hub.superseded.then(() => hub.close()).then(() => process.exit(1));
process.stdout.write(`${JSON.stringify({ url: hub.url, hubId: hub.hubId })}\n`);
