/**
 * What a real driver meets on its way to a hub, and what the look from inside concludes of it: by
 * the very command that a hub runs in a sandbox whose driver does not come.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttp, type Server as HttpServer } from "node:http";
import { createServer as createHttps } from "node:https";
import { createServer as createTcp, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { egressCommand, judgeEgress, readEgressReport } from "../../src/probes/egress-probe.ts";
import { startDriver, type DriverProcess } from "../support/driver-process.ts";
import { needs, testWhere } from "../support/needs.ts";
import { until } from "../support/until.ts";

const run = promisify(execFile);

describe("on its way to the hub a driver meets", () => {
  const servers: Server[] = [];
  const drivers: DriverProcess[] = [];
  const dirs: string[] = [];

  afterEach(async () => {
    await Promise.all(drivers.splice(0).map((driver) => driver.end()));
    for (const server of servers.splice(0)) {
      if ("closeAllConnections" in server) (server as HttpServer).closeAllConnections();
      server.close();
    }
    for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
  });

  const listen = async (server: Server): Promise<number> => {
    servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const proxyOf403 = (): Promise<number> => {
    const server = createHttp();
    server.on("upgrade", (_request, socket) => {
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n");
    });
    return listen(server);
  };

  /** The driver dials, and once it has failed the hub's command looks from inside. */
  const seenFromInside = async (...urls: string[]): Promise<ReturnType<typeof judgeEgress>> => {
    const driver = await startDriver({ urls });
    drivers.push(driver);
    await until(() => Promise.resolve(typeof driver.ready()?.["lastError"] === "string"));
    const files = { config: join(driver.home, "driver.json"), ready: driver.readyFile };
    const { stdout } = await run("/bin/sh", ["-c", egressCommand(files, urls[0] ?? "")], {
      timeout: 10_000,
    });
    const report = readEgressReport(stdout);
    if (report === null) throw new Error(`no report: ${stdout}`);
    return judgeEgress(report);
  };

  test("a proxy that answers the upgrade", async () => {
    const port = await proxyOf403();
    const seen = await seenFromInside(`ws://127.0.0.1:${port}/v1/driver`);
    expect(seen.code).toBe("UpgradeBlocked");
    expect(seen.detail).toContain("server answered 403");
  });

  test("a proxy that hangs up", async () => {
    const port = await listen(createTcp((socket) => socket.once("data", () => socket.destroy())));
    expect(await seenFromInside(`ws://127.0.0.1:${port}/v1/driver`)).toMatchObject({
      code: "UpgradeBlocked",
    });
  });

  testWhere([needs.openssl], "a certificate that nobody trusts", async () => {
    const dir = mkdtempSync(join(tmpdir(), "holdfast-tls-"));
    dirs.push(dir);
    const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const made = ["-keyout", key, "-out", cert, "-days", "1", "-nodes"];
    await run("openssl", ["req", "-x509", "-newkey", "ec", ...CURVE, ...made, ...subject]);
    let upgrades = 0;
    const server = createHttps({ key: readFileSync(key), cert: readFileSync(cert) });
    server.on("upgrade", () => upgrades++);
    const port = await listen(server);
    const seen = await seenFromInside(`wss://localhost:${port}/v1/driver`);
    expect(seen.code).toBe("TlsRejected");
    expect(seen.detail).toContain("DEPTH_ZERO_SELF_SIGNED_CERT");
    // The token never went to whoever showed it.
    expect(upgrades).toBe(0);
  });

  test("a name that does not resolve", async () => {
    const seen = await seenFromInside("ws://nobody.invalid/v1/driver");
    // A resolver that does not answer at all says nothing about the name.
    const code = seen.detail.includes("TIMEOUT") ? "EgressBlocked" : "DnsFailed";
    expect(seen).toMatchObject({ ok: false, code });
  });

  test("the next address is dialled where the first is shut", async () => {
    const shut = await proxyOf403();
    const asked: string[] = [];
    const open = createHttp();
    open.on("upgrade", (request, socket) => {
      asked.push(request.url ?? "");
      socket.destroy();
    });
    const port = await listen(open);
    await seenFromInside(`ws://127.0.0.1:${shut}/v1/driver`, `ws://127.0.0.1:${port}/v1/driver`);
    await until(() => Promise.resolve(asked.length > 0));
    expect(asked[0]).toBe("/v1/driver");
  });
});

const CURVE = ["-pkeyopt", "ec_paramgen_curve:prime256v1"];
