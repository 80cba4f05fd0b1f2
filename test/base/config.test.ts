import { describe, expect, test } from "vitest";
import { checkHubConfig, resolveConfig, showValue } from "../../src/base/config.ts";
import type { ConfigSources } from "../../src/base/config.ts";
import { settings } from "../../src/base/config-table.ts";
import { parseHeaders } from "../../src/base/header-list.ts";
import { nearestName } from "../../src/base/nearest.ts";

function sources(over: Partial<ConfigSources> = {}): ConfigSources {
  return {
    flags: {},
    env: {},
    file: null,
    readSecret: (path) =>
      path === "/secrets/token" ? { text: "hf_from_file\n" } : { problem: "no such file" },
    resolvePath: (path) => path.replace(/^~/, "/home/ada"),
    ...over,
  };
}

const filed = (content: unknown): ConfigSources["file"] => ({ path: "/h/config.json", content });

describe("precedence", () => {
  test("defaults stand when nothing is said", () => {
    const { config, origins, mistakes } = resolveConfig(sources());
    expect(mistakes).toEqual([]);
    expect(config.home).toBe("/home/ada/.holdfast");
    expect(config.listen).toEqual({ host: "127.0.0.1", port: 7070 });
    expect(config.token).toBeNull();
    expect(origins.listen.origin).toBe("default");
  });

  test("flag beats environment beats file beats default", () => {
    const file = filed({ listen: "127.0.0.1:1", logLevel: "error", isolation: "process" });
    const env = { HOLDFAST_LISTEN: "127.0.0.1:2", HOLDFAST_LOG_LEVEL: "debug" };
    const { config, origins } = resolveConfig(
      sources({ file, env, flags: { listen: "127.0.0.1:3" } }),
    );
    expect(config.listen.port).toBe(3);
    expect(config.logLevel).toBe("debug");
    expect(config.isolation).toBe("process");
    expect([origins.listen.origin, origins.logLevel.origin, origins.isolation.origin]).toEqual([
      "flag",
      "env",
      "file",
    ]);
    expect(origins.logLevel.place).toBe("environment HOLDFAST_LOG_LEVEL");
  });

  test("an empty variable counts as unset", () => {
    const { config } = resolveConfig(sources({ env: { HOLDFAST_LISTEN: "", HOLDFAST_TOKEN: "" } }));
    expect(config.listen.port).toBe(7070);
    expect(config.token).toBeNull();
  });
});

describe("secrets", () => {
  test("a *_FILE variable is read and its newline dropped", () => {
    const { config, mistakes } = resolveConfig(
      sources({ env: { HOLDFAST_TOKEN_FILE: "/secrets/token" } }),
    );
    expect(mistakes).toEqual([]);
    expect(config.token).toBe("hf_from_file");
  });

  test("the file may name a secret file, too", () => {
    const { config, origins } = resolveConfig(
      sources({ file: filed({ tokenFile: "/secrets/token" }) }),
    );
    expect(config.token).toBe("hf_from_file");
    expect(origins.token.origin).toBe("file");
  });

  test("both forms at once, and a file that is not there, are mistakes", () => {
    const { mistakes } = resolveConfig(
      sources({
        env: {
          HOLDFAST_TOKEN: "x",
          HOLDFAST_TOKEN_FILE: "/secrets/token",
          DAYTONA_API_KEY_FILE: "/nowhere",
        },
      }),
    );
    expect(mistakes.map((mistake) => mistake.key)).toEqual(["token", "daytonaApiKey"]);
    expect(mistakes[1]?.message).toContain("/nowhere");
  });

  test("no secret is ever shown", () => {
    const { config } = resolveConfig(
      sources({ env: { HOLDFAST_TOKEN: "hunter2hunter2", DAYTONA_API_KEY: "dtn_hunter2" } }),
    );
    const shown = settings.map((setting) => showValue(setting, config)).join("\n");
    expect(shown).toContain("(set, hidden)");
    expect(shown).not.toContain("hunter2");
  });

  test("secrets have no flag", () => {
    for (const setting of settings) if (setting.kind === "secret") expect(setting.flag).toBeNull();
  });
});

describe("mistakes", () => {
  test("all are reported at once, with key and place", () => {
    const { mistakes } = resolveConfig(
      sources({
        flags: { isolation: "bwarp" },
        env: { HOLDFAST_LISTN: "1", HOLDFAST_URL: "ftp://x", HOLDFAST_PUBLIC_URL: "http://a:b@c" },
        file: filed({ lisen: "x", logLevel: 3, home: "/x", listen: "7070" }),
      }),
    );
    const said = mistakes.map(
      (mistake) => `${mistake.place} | ${mistake.key} | ${mistake.message}`,
    );
    expect(said).toEqual([
      "file /h/config.json | lisen | unknown setting; did you mean listen?",
      "file /h/config.json | logLevel | the value must be a text in double quotes",
      "file /h/config.json | home | home says where this file is; it cannot be set in it",
      "environment HOLDFAST_LISTN | HOLDFAST_LISTN | unknown variable; did you mean HOLDFAST_LISTEN?",
      'environment HOLDFAST_URL | url | "ftp://x" is not an http:// or https:// URL',
      expect.stringContaining('| listen | "7070" is not HOST:PORT'),
      expect.stringContaining("| publicUrl | a URL with a password"),
      'flag --isolation | isolation | "bwarp" is none of auto, bwrap, namespaces, process (did you mean bwrap?)',
    ]);
  });

  test.each(["127.0.0.1", ":1", "host:99999", "a:b:1", "[::1]", ""])("address %j", (listen) => {
    expect(resolveConfig(sources({ flags: { listen } })).mistakes).toHaveLength(1);
  });

  test("an IPv6 address is understood", () => {
    const { config, mistakes } = resolveConfig(sources({ flags: { listen: "[::1]:7070" } }));
    expect(mistakes).toEqual([]);
    expect(config.listen).toEqual({ host: "::1", port: 7070 });
  });

  test("a file that is no JSON or no object is one mistake", () => {
    const broken = resolveConfig(
      sources({ file: { path: "/h/config.json", problem: "not JSON" } }),
    );
    expect(broken.mistakes).toEqual([
      { key: "(file)", place: "file /h/config.json", message: "not JSON" },
    ]);
    expect(resolveConfig(sources({ file: filed([]) })).mistakes).toHaveLength(1);
  });
});

describe("a hub", () => {
  test("refuses to listen beyond loopback without an explicit token", () => {
    const open = resolveConfig(sources({ env: { HOLDFAST_LISTEN: "0.0.0.0:7070" } }));
    expect(open.mistakes).toEqual([]);
    expect(checkHubConfig(open).map((mistake) => mistake.key)).toEqual(["listen"]);
    const safe = resolveConfig(
      sources({ env: { HOLDFAST_LISTEN: "0.0.0.0:7070", HOLDFAST_TOKEN: "s3cret" } }),
    );
    expect(checkHubConfig(safe)).toEqual([]);
  });

  test("[CF2] a hub is not started with half a certificate, or one that its address denies", () => {
    const wrong = (flags: Record<string, string>): string[] =>
      checkHubConfig(resolveConfig(sources({ flags }))).map(
        ({ key, place, message }) => `${key} (${place}): ${message}`,
      );
    const both = "tlsCert and tlsKey name one pair: set both, or none";
    const pair = { "tls-cert": "/c.pem", "tls-key": "/k.pem" };
    expect(wrong(pair)).toEqual([]);
    expect(wrong({ "tls-cert": "/c.pem" })).toEqual([`tlsCert (flag --tls-cert): ${both}`]);
    expect(wrong({ "tls-key": "/k.pem" })).toEqual([`tlsKey (flag --tls-key): ${both}`]);
    expect(wrong({ ...pair, "public-url": "https://hub.example" })).toEqual([]);
    expect(wrong({ ...pair, "public-url": "http://hub.example" })).toEqual([
      "publicUrl (flag --public-url): http://hub.example is plain HTTP, which a hub with a " +
        "certificate does not speak",
    ]);
  });

  test("[CF2] a hub is not started with previews where it is itself, or nowhere", () => {
    const wrong = (domain: string, publicUrl?: string): string[] => {
      const flags = { "preview-domain": domain, "public-url": publicUrl };
      return checkHubConfig(resolveConfig(sources({ flags }))).map(
        ({ key, message }) => `${key}: ${message}`,
      );
    };
    expect(wrong("previews.example.com", "https://hub.example.com")).toEqual([]);
    expect(wrong("example.com", "https://hub.example.com")).toEqual([
      expect.stringContaining("previewDomain: the hub's own address hub.example.com is below"),
    ]);
    for (const domain of ["not a name", "a..b", "-a", "http://a", "a:80", ""]) {
      expect(wrong(domain)).toEqual([expect.stringContaining("is no host name")]);
    }
  });

  test.each(["localhost:1", "127.9.9.9:1", "[::1]:1"])("%s is loopback", (listen) => {
    expect(checkHubConfig(resolveConfig(sources({ flags: { listen } })))).toEqual([]);
  });

  test("a name that only starts like loopback is not loopback", () => {
    const resolved = resolveConfig(sources({ flags: { listen: "127.0.0.1.example.org:1" } }));
    expect(checkHubConfig(resolved)).toHaveLength(1);
  });

  test.each([undefined, "s3cret", "whsec_short"])(
    "signs a webhook with a key, not %j",
    (secret) => {
      const env = { HOLDFAST_WEBHOOK_URL: "https://a.example/", HOLDFAST_WEBHOOK_SECRET: secret };
      const keys = checkHubConfig(resolveConfig(sources({ env }))).map(({ key }) => key);
      expect(keys).toEqual(["webhookSecret"]);
      const good = { ...env, HOLDFAST_WEBHOOK_SECRET: `whsec_${"A".repeat(43)}=` };
      expect(checkHubConfig(resolveConfig(sources({ env: good })))).toEqual([]);
    },
  );

  test("[OT3] takes a collector's headers as OpenTelemetry writes them, or says what is wrong", () => {
    expect(parseHeaders("a=b, x-key=Bearer%20q=1")).toEqual({ a: "b", "x-key": "Bearer q=1" });
    for (const text of ["a", "a=", "=b", "a b=c", "a=%", "a=b%0d%0ac:d"]) {
      expect([text, parseHeaders(text)]).toEqual([text, null]);
      const env = { OTEL_EXPORTER_OTLP_HEADERS: text.replaceAll(" ", "\u00a0") };
      expect(checkHubConfig(resolveConfig(sources({ env })))).not.toEqual([]);
    }
  });

  test("needs a key for daytona", () => {
    const resolved = resolveConfig(sources({ env: { HOLDFAST_PLATFORM: "daytona" } }));
    expect(checkHubConfig(resolved).map((mistake) => mistake.key)).toEqual(["daytonaApiKey"]);
  });
});

test("nearest names are near, or none", () => {
  expect(nearestName("resum", ["resume", "rm"])).toBe("resume");
  expect(nearestName("HOLDFAST_TOKN", ["HOLDFAST_TOKEN", "HOLDFAST_HOME"])).toBe("HOLDFAST_TOKEN");
  expect(nearestName("xyz", ["resume", "rm"])).toBeNull();
});

describe("hubs on PostgreSQL", () => {
  const told = (env: Record<string, string>): string[] =>
    checkHubConfig(resolveConfig(sources({ env }))).map(({ key, message }) => `${key}: ${message}`);
  const store = "postgres://hub:hush@db:5432/holdfast";
  const secret = "0123456789abcdef0123456789abcdef";

  test("need a URL, a secret that is long enough, and an address that others can dial", () => {
    const right = { HOLDFAST_STORE: store, HOLDFAST_CLUSTER_SECRET: secret };
    expect(told(right)).toEqual([]);
    expect(told({ HOLDFAST_STORE: store })[0]).toContain("clusterSecret: hubs on PostgreSQL know");
    const short = told({ ...right, HOLDFAST_CLUSTER_SECRET: "short" });
    expect(short[0]).toContain("32 or more");
    const wrong = told({ ...right, HOLDFAST_STORE: "mysql://hub:hush@db/x" });
    expect(wrong[0]).toContain("store: it is no postgres://");
    expect([short, wrong].join()).not.toMatch(/hush|short/);
    expect(told({ HOLDFAST_CLUSTER_SECRET: secret })[0]).toContain("set HOLDFAST_STORE");
    for (const wrong of ["db", "db:0", "db:65536", "[::1]:99999", "a b:7"]) {
      const [said] = told({ ...right, HOLDFAST_ADVERTISE: wrong });
      expect(said).toContain(`"${wrong}" is not HOST:PORT`);
    }
    const any = { ...right, HOLDFAST_PEER_LISTEN: "0.0.0.0:7071" };
    expect(told(any)[0]).toContain("set HOLDFAST_ADVERTISE");
    expect(told({ ...any, HOLDFAST_ADVERTISE: "10.0.0.1:7071" })).toEqual([]);
  });
});
