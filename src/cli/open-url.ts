/** Opens an address with whatever this machine opens addresses with. */
import { spawn } from "node:child_process";

type Env = Readonly<Record<string, string | undefined>>;

/** Null once it was handed over, else why it could not be: a server or a container has no such. */
export function openUrl(url: string, env: Env): Promise<string | null> {
  const opener = process.platform === "darwin" ? "open" : "xdg-open";
  return new Promise((resolve) => {
    const child = spawn(opener, [url], { stdio: "ignore", detached: true, env: { ...env } });
    child.once("spawn", () => {
      child.unref();
      resolve(null);
    });
    child.once("error", (error) => resolve(error.message));
  });
}
