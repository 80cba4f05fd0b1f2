/** Tokens and revoked links of several hubs on one PostgreSQL, without the hubs. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { tokenFile, tokenFileIn } from "../../../src/hub/auth/token-file.ts";
import { TokenBook } from "../../../src/hub/auth/token-book.ts";
import { bringAlong } from "../../../src/hub/cluster/bring-along.ts";
import { SharedRights } from "../../../src/hub/cluster/shared-rights.ts";
import { revocationFile, revocationFileIn } from "../../../src/hub/preview/revocation-file.ts";
import { Revocations } from "../../../src/hub/preview/revocations.ts";
import type { Shelf } from "../../../src/hub/shelf.ts";
import type { ApiToken } from "../../../src/hub/auth/api-token.ts";
import { PostgresRoll } from "../../../src/store/postgres/postgres-roll.ts";
import { PostgresStore } from "../../../src/store/postgres/postgres-store.ts";
import { describeWhere, needs } from "../../support/needs.ts";
import { ownPostgres } from "../../support/own-postgres.ts";
import { until } from "../../support/until.ts";

const [clock, random, log] = [systemClock, systemRandom, silentLogger];
const wanted = { name: "ci", role: "operator", sessions: null, createdBy: "admin" } as const;
const own = { ...wanted, tenant: null, forMs: 60_000 };

interface Hub {
  readonly rights: SharedRights;
  readonly book: TokenBook;
  readonly links: Revocations;
  readonly revoked: string[];
  /** As each half second of a hub that runs. */
  beat(): Promise<unknown>;
}

describeWhere([needs.postgres], "rights of hubs on one PostgreSQL", () => {
  const postgres = ownPostgres();

  function bookOn(shelf: Shelf<ApiToken>, revoked: string[] = []): TokenBook {
    return new TokenBook({ shelf, clock, random, onRevoked: (id) => revoked.push(id) });
  }
  async function open(inc: string): Promise<Hub> {
    const { url } = postgres;
    const store = postgres.closes(await PostgresStore.open({ url, inc, clock, log }));
    const rights = await SharedRights.open(store.rights, { now: clock.now(), log, random });
    const roll = postgres.closes(
      new PostgresRoll(url, { onRights: (stamp) => rights.hear(stamp) }),
    );
    await roll.register({ inc, name: inc, advertise: "", version: "1", started: 7 });
    const revoked: string[] = [];
    const links = new Revocations(rights.links, () => true);
    const beat = () => roll.beat(inc);
    return { rights, book: bookOn(rights.tokens, revoked), links, revoked, beat };
  }

  test("[CL30] a token opens each hub after its next beat, and none after its revocation", async () => {
    const [a, b] = [await open("a"), await open("b")];
    const { token, kept } = await a.book.create(own);
    expect(a.book.check(token)?.id).toBe(kept.id);
    expect(b.book.check(token)).toBeNull();
    await b.beat();
    await until(() => b.book.check(token)?.id === kept.id);
    expect(await b.book.revoke(kept.id)).toMatchObject({ id: kept.id, hash: kept.hash });
    expect([b.book.check(token), b.revoked]).toEqual([null, [kept.id]]);
    await a.beat();
    await until(() => a.revoked.length > 0);
    expect([a.book.check(token), a.revoked]).toEqual([null, [kept.id]]);
    await expect(a.book.revoke(kept.id)).rejects.toMatchObject({ code: "NotFound" });
    // Nothing but a hash is there.
    const [row] = await postgres.server.query("SELECT body FROM token", postgres.url);
    expect(row?.["body"]).toContain(kept.hash);
    expect(row?.["body"]).not.toContain(token.split(".")[1]);
  });

  test("[CL30] a hub that knows of no change yet decides on what is true", async () => {
    const [a, b] = [await open("a"), await open("b")];
    const { kept } = await a.book.create({ ...own, tenant: "acme" });
    await expect(b.book.revoke(kept.id, { tenant: "beta" })).rejects.toMatchObject({
      code: "NotFound",
    });
    expect((await b.book.revoke(kept.id, { tenant: "acme" })).id).toBe(kept.id);
  });

  test("[CL30] of all that ask at once at two hubs, no more get a token than there may be", async () => {
    const [a, b] = [await open("a"), await open("b")];
    const wish = { ...own, tenant: "acme" };
    const many = Array.from({ length: 210 }, (_, n) => (n % 2 === 0 ? a : b).book.create(wish));
    const made = await Promise.allSettled(many);
    const refused = made.filter(({ status }) => status === "rejected");
    expect([made.length - refused.length, refused.length]).toEqual([200, 10]);
    for (const one of refused) expect(one).toMatchObject({ reason: { code: "RateLimited" } });
    await b.book.create(own);
    const [{ n } = { n: 0 }] = await postgres.server.query(
      "SELECT count(*)::int AS n FROM token",
      postgres.url,
    );
    expect(n).toBe(201);
  }, 60_000);

  test("[CL31] a preview link is taken back at every hub, and what it holds open there ends", async () => {
    const [a, b] = [await open("a"), await open("b")];
    const pass = { sessionId: "ses_1", port: 80, revocations: 0, expiresAt: 0, by: "admin" };
    let ended = 0;
    b.links.hold(pass, () => (ended += 1));
    await a.links.revoke("ses_1", 80);
    expect(a.links.covers(pass)).toBe(true);
    await b.beat();
    await until(() => ended > 0);
    expect([b.links.covers(pass), b.links.covers({ ...pass, port: 81 })]).toEqual([true, false]);
    // One that did not hear of it counts on from there all the same.
    const c = await open("c");
    await a.links.revoke("ses_1", null);
    await c.links.revoke("ses_1", null);
    expect(c.links.count("ses_1", 81)).toBe(2);
  });

  test("[CL30] an older state of the database is read as it is", async () => {
    const [a] = [await open("a")];
    const { kept } = await a.book.create(own);
    await a.book.revoke(kept.id);
    // As a copy that lagged has it.
    await postgres.server.query(
      "UPDATE token SET revoked = false; UPDATE rights SET stamp = 'old'",
      postgres.url,
    );
    await a.beat();
    await until(() => a.book.all.length === 1);
    expect(a.book.all[0]?.id).toBe(kept.id);
  });

  test("[CL32] without PostgreSQL what is known goes on, and a change says what is wrong", async () => {
    const a = await open("a");
    const { token, kept } = await a.book.create(own);
    await postgres.server.kill();
    try {
      expect(a.book.check(token)?.id).toBe(kept.id);
      for (const change of [() => a.book.create(own), () => a.book.revoke(kept.id)]) {
        const refused: unknown = await change().catch((error: unknown) => error);
        expect(refused).toMatchObject({ code: "StoreUnreachable" });
        expect(String(refused)).toContain("API tokens and preview links are kept in PostgreSQL");
      }
      expect(a.book.check(token)?.id).toBe(kept.id);
    } finally {
      await postgres.server.run();
    }
    await until(async () => {
      return await a.book.revoke(kept.id).then(
        () => true,
        () => false,
      );
    });
    expect(a.book.check(token)).toBeNull();
  }, 30_000);

  test("[CL33] a home brings its tokens along once; what was revoked meanwhile stays so", async () => {
    const home = mkdtempSync(join(tmpdir(), "hfr-"));
    try {
      const before = bookOn(tokenFile(tokenFileIn(home)));
      const [one, two] = [await before.create(own), await before.create(own)];
      const file = revocationFile(revocationFileIn(home));
      await new Revocations(file, () => true).revoke("ses_1", 80);
      const bring = (hub: Hub) => bringAlong(home, hub.rights, log);
      const a = await open("a");
      await bring(a);
      expect(a.book.check(one.token)?.id).toBe(one.kept.id);
      expect(a.links.count("ses_1", 80)).toBe(1);
      await a.book.revoke(two.kept.id);
      // The home comes back, as from a copy of its disk.
      await tokenFile(tokenFileIn(home)).change(() => before.all);
      await bring(a);
      expect([one, two].map(({ token }) => a.book.check(token)?.id)).toEqual([
        one.kept.id,
        undefined,
      ]);
      const left = readdirSync(home);
      expect(left.every((name) => name.includes(".json.imported-"))).toBe(true);
      expect(left.length).toBeGreaterThanOrEqual(2);
      await bring(a);
      expect(readdirSync(home)).toEqual(left);
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});
