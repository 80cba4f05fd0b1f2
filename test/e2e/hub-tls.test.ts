/** TLS from outside: command, daemon and a driver's process, on a root that nobody knows. */
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { createListener } from "../../src/hub/server/listener.ts";
import { TlsKeeper } from "../../src/hub/tls-keeper.ts";
import { silentLogger } from "../../src/base/log.ts";
import { SUBPROTOCOL } from "../../src/protocol/version.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Certificates } from "../support/certificates.ts";
import { startDriver } from "../support/driver-process.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { makeCliHome } from "./cli-kit.ts";

describeWhere([needs.openssl, needs.linux], "a hub with a certificate of its own", () => {
  let all: Certificates;
  beforeAll(() => (all = new Certificates()));
  afterAll(() => all.remove());

  test("[TL2] serves commands, and reads its files again at SIGHUP", async () => {
    const home = await makeCliHome();
    const files = all.pair("served");
    const renewed = all.pair("renewed");
    const env = {
      HOLDFAST_TLS_CERT: files.cert,
      HOLDFAST_TLS_KEY: files.key,
      HOLDFAST_CA: all.root,
    };
    try {
      const up = await home.run(["up", "--detach"], { env });
      expect([up.exitCode, up.stderr]).toEqual([0, expect.stringContaining("background")]);
      const record = JSON.parse(readFileSync(join(home.home, "hub.json"), "utf8")) as {
        url: string;
        pid: number;
      };
      expect(record.url).toMatch(/^https:\/\/127\.0\.0\.1:/);
      // Commands on this home know the root by the hub; from elsewhere it must be named.
      expect(await home.run(["ls", "--json"])).toMatchObject({ exitCode: 0, stdout: "[]\n" });
      const far = { HOLDFAST_HOME: all.dir, HOLDFAST_URL: record.url };
      const unknown = await home.run(["ls"], { env: far });
      expect(unknown.stderr).toMatch(/(UNABLE_TO_VERIFY|SELF_SIGNED).*\n.*HOLDFAST_CA=FILE/);
      const named = await home.run(["ls", "--ca", all.root], { env: far });
      expect(named.stderr).toContain("[Unauthenticated]");

      const port = Number(new URL(record.url).port);
      expect(await nameAt(port, all.rootPem)).toBe("served");
      all.put(renewed, files);
      process.kill(record.pid, "SIGHUP");
      await until(async () => (await nameAt(port, all.rootPem)) === "renewed");
      all.put({ key: all.pair("other").key }, files);
      process.kill(record.pid, "SIGHUP");
      const log = join(home.home, "log", "hub.log");
      await until(() => readFileSync(log, "utf8").includes("is not the key of"));
      expect(await nameAt(port, all.rootPem)).toBe("renewed");
    } finally {
      await home.close();
    }
  }, 60_000);

  test("[TL3] a driver comes by wss with the root that it was given, and never without", async () => {
    const keeper = new TlsKeeper({
      files: all.pair("hub", "DNS:localhost"),
      clock: systemClock,
      log: silentLogger,
    });
    const server = createListener({ keeper, isHttps: true }, (_, response) => response.end());
    const sockets = new WebSocketServer({ server, handleProtocols: () => SUBPROTOCOL });
    const seen: (string | undefined)[] = [];
    sockets.on("connection", (_, { headers }) => void seen.push(headers.authorization));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const urls = [`wss://localhost:${(server.address() as AddressInfo).port}/v1/driver`];
    const stranger = await startDriver({ urls, config: { token: "canary-stranger" } });
    const trusted = await startDriver({ urls, config: { ca: all.rootPem } });
    try {
      await until(() => seen.length > 0);
      await until(() =>
        /UNABLE_TO_VERIFY|SELF_SIGNED/.test(String(stranger.ready()?.["lastError"])),
      );
      expect(new Set(seen)).toEqual(new Set(["Bearer canary-driver-token"]));
    } finally {
      await stranger.end();
      await trusted.end();
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      server.close();
    }
  }, 30_000);
});

/** The name on the certificate that is served now. */
function nameAt(port: number, ca: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, servername: "localhost", ca }, () => {
      resolve(socket.getPeerCertificate().subject.CN);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}
