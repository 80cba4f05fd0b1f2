/** `holdfast login`: who one is, by the identity provider of a hub, agreed to in any browser. */
import { HubError } from "../../base/hub-error.ts";
import { loginCalls, type ProviderWays } from "../../client/api-login.ts";
import { flagOption, note, print, printJson, type Cli, type Run } from "../cli.ts";
import { hubAddress } from "../connection.ts";
import { deviceLogin, type DeviceCode } from "../device-login.ts";
import { keepLogin } from "../login-file.ts";
import { openUrl } from "../open-url.ts";
import { formatDuration } from "../render/durations.ts";
import { plain } from "../render/paint.ts";

const EMPTY_LINE = "\r\u001b[K";

export const run: Run = async (cli) => {
  const { url } = hubAddress(cli);
  const calls = loginCalls({ url, token: null, fetch });
  const { oidc } = await calls.ways();
  if (oidc === null) {
    throw new HubError("NotFound", `the hub at ${url} has no identity provider`, {
      hint: "Ask who runs it for a token, and set HOLDFAST_TOKEN.",
    });
  }
  const idToken = await agreed(cli, oidc);
  const { name, role, token, expiresAt } = await calls.login({ idToken });
  keepLogin(cli.config().home, { url, name, role, token, expiresAt });
  if (cli.json) printJson(cli, { url, name, role, expiresAt });
  else {
    print(cli, `logged in as ${plain(name)}, ${role}, until ${expiresAt}`);
    if (cli.config().token !== null) {
      note(cli, `${cli.notePaint.yellow("warning:")} HOLDFAST_TOKEN is set, and commands use it`);
    }
  }
  return 0;
};

async function agreed(cli: Cli, ways: ProviderWays): Promise<string> {
  const isLive = cli.stderr.isTTY && !cli.json;
  const stop = new AbortController();
  const onInterrupt = (): void =>
    stop.abort(new HubError("Interrupted", "stopped waiting; nobody is logged in"));
  process.once("SIGINT", onInterrupt);
  try {
    return await deviceLogin(ways, {
      ask: fetch,
      mono: () => performance.now(),
      wait: (waitMs) => untilLater(waitMs, stop.signal),
      onCode: (code) => say(cli, code),
      onWait(leftMs, trouble) {
        if (!isLive) return;
        const left = `waiting for you to agree, ${formatDuration(leftMs)} left`;
        cli.stderr.write(`${EMPTY_LINE}${trouble === null ? left : `${left} (${plain(trouble)})`}`);
      },
    });
  } finally {
    process.off("SIGINT", onInterrupt);
    if (isLive) cli.stderr.write(EMPTY_LINE);
  }
}

function say(cli: Cli, { userCode, address, whole, expiresSeconds }: DeviceCode): void {
  const { bold } = cli.notePaint;
  note(cli, `open ${bold(address)} in any browser, and enter the code ${bold(userCode)}`);
  note(cli, `it is good for ${formatDuration(expiresSeconds * 1_000)}; agree to nothing else`);
  if (flagOption(cli, "device") || !cli.stdout.isTTY) return;
  // What is printed leads there as well, so that a machine without a browser misses nothing.
  void openUrl(whole ?? address, cli.env);
}

function untilLater(waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, waitMs);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
