/**
 * What must never be in a history of several hubs, whatever was killed, frozen or cut meanwhile.
 * Pure: it reads what the store's witness, the hubs' logs, the clients and the platform wrote down,
 * and asks none of them.
 */

/** A row of a session as one write left it, in the order of writes. */
export interface Witnessed {
  readonly session: string;
  readonly at: number;
  readonly owner: string | null;
  readonly fence: number;
  readonly version: number;
  /** The life that kept the newest fact. */
  readonly writer: string;
  readonly epochIssued: number;
  readonly epoch: number;
}

export interface KeptFact {
  readonly seq: number;
  readonly session: string;
  readonly version: number;
  readonly kind: string;
}

/** A fact that a hub told as kept. */
export interface ToldFact {
  readonly inc: string;
  readonly at: number;
  readonly seq: number;
  readonly session: string;
  readonly kind: string;
  /** Of a driver that was attached, which confirmed it. */
  readonly epoch: number | null;
}

/** From one start of a hub's process to its end. */
export interface Life {
  readonly hub: string;
  readonly inc: string;
  readonly from: number;
  readonly to: number;
}

export interface PlatformCall {
  readonly hub: string;
  readonly at: number;
  readonly method: string;
  readonly path: string;
}

/** What one client heard of its stream. */
export interface HeardStream {
  readonly session: string;
  readonly linesLost: number;
  readonly linesDoubled: number;
  readonly linesTorn: number;
  /** Null when it ended as it should. */
  readonly broken: string | null;
  /** In the order in which they were told. */
  readonly epochs: readonly number[];
}

export interface Sandbox {
  readonly id: string;
  readonly name: string;
}

export interface History {
  readonly witnessed: readonly Witnessed[];
  readonly facts: readonly KeptFact[];
  readonly sessions: readonly { readonly id: string; readonly version: number }[];
  readonly told: readonly ToldFact[];
  readonly lives: readonly Life[];
  readonly calls: readonly PlatformCall[];
  readonly streams: readonly HeardStream[];
  readonly sandboxes: readonly Sandbox[];
  /** Names of the sandboxes that living sessions have. */
  readonly owned: ReadonlySet<string>;
  readonly sessionOfSandbox: ReadonlyMap<string, string>;
  /** Wall ms in which a copy lagged that was promoted: what was kept then may be gone. */
  readonly mayBeLost: readonly { readonly from: number; readonly to: number }[];
  /** Sessions whose creation was acknowledged to a client, and all names that the store has. */
  readonly created: readonly { readonly name: string; readonly at: number }[];
  readonly names: ReadonlySet<string>;
}

export interface Findings {
  readonly chainBreaks: readonly string[];
  readonly doubleOwners: readonly string[];
  readonly factsLost: readonly string[];
  /** Bytes that a stream lost or doubled and went on, as if nothing had been. */
  readonly bytesWrong: readonly string[];
  /** Streams that ended early, and said so. */
  readonly streamsBroken: readonly string[];
  readonly orphans: readonly string[];
  /** Of facts that were told while the copy lagged that was promoted after it. */
  readonly factsLostWithTheLag: number;
  /** Of sessions that the store forgot so: what no store knows of is deleted by nobody (JA1). */
  readonly sandboxesLostWithTheLag: readonly string[];
  /** Counted: what they may do is bounded by labels, intents and the driver's own fence. */
  readonly callsBySuperseded: readonly string[];
}

export function judge(history: History): Findings {
  const lost = lostFacts(history);
  const { sandboxes, owned, sessions, mayBeLost } = history;
  const strays = sandboxes.filter(({ name }) => !owned.has(name)).map(nameOf);
  const known = sessions.map(({ id }) => `holdfast-${id.replace("_", "-")}-`);
  const isForgotten = (name: string): boolean =>
    mayBeLost.length > 0 && !known.some((prefix) => name.startsWith(prefix));
  return {
    chainBreaks: [...chainBreaks(history), ...epochBreaks(history)],
    doubleOwners: [...twoOfOneFence(history), ...twoOfOneEpoch(history)],
    factsLost: lost.filter(({ excused }) => !excused).map(({ said }) => said),
    factsLostWithTheLag: lost.filter(({ excused }) => excused).length,
    bytesWrong: bytesWrong(history),
    streamsBroken: history.streams.flatMap(({ session, broken }) => {
      return broken === null ? [] : [`${session}: ${broken}`];
    }),
    orphans: strays.filter((name) => !isForgotten(name)),
    sandboxesLostWithTheLag: strays.filter(isForgotten),
    callsBySuperseded: callsBySuperseded(history),
  };
}

const nameOf = ({ name }: Sandbox): string => name;

/** Facts of a session are numbered 1, 2, 3 … up to what its row says. */
function* chainBreaks({ facts, sessions }: History): Generator<string> {
  const versions = groupBy(facts, ({ session }) => session);
  for (const { id, version } of sessions) {
    const found = (versions.get(id) ?? []).map((fact) => fact.version).sort((a, b) => a - b);
    const at = found.findIndex((one, n) => one !== n + 1);
    if (at >= 0) yield `${id}: fact ${found[at] ?? "none"} stands where ${at + 1} should`;
    if (found.length !== version) yield `${id}: ${found.length} facts, its row says ${version}`;
  }
}

/** Neither the store nor a client ever sees a session's fence, version or epoch go back. */
function* epochBreaks({ witnessed, streams }: History): Generator<string> {
  const last = new Map<string, Witnessed>();
  for (const now of witnessed) {
    const before = last.get(now.session);
    last.set(now.session, now);
    if (before === undefined) continue;
    for (const key of ["fence", "version", "epochIssued", "epoch"] as const) {
      if (now[key] < before[key]) {
        yield `${now.session}: ${key} went from ${before[key]} to ${now[key]}`;
      }
    }
  }
  for (const { session, epochs } of streams) {
    const at = epochs.findIndex((epoch, n) => epoch < (epochs[n - 1] ?? 0));
    if (at > 0) yield `${session}: a client saw epoch ${epochs[at - 1]}, then ${epochs[at]}`;
  }
}

/** One fence has one owner, and who is not the owner keeps no fact. */
function* twoOfOneFence({ witnessed }: History): Generator<string> {
  const owners = new Map<string, string | null>();
  const versions = new Map<string, number>();
  for (const { session, owner, fence, version, writer } of witnessed) {
    const key = `${session} fence ${fence}`;
    const known = owners.get(key);
    if (known !== undefined && known !== owner) yield `${key}: ${known} and ${owner}`;
    owners.set(key, owner);
    const isFact = version > (versions.get(session) ?? 0);
    versions.set(session, version);
    if (isFact && writer !== owner) yield `${key}: ${writer} kept a fact, ${owner} has it`;
  }
}

/** A driver that confirmed an epoch did so to one hub. */
function* twoOfOneEpoch({ told }: History): Generator<string> {
  const holders = new Map<string, string>();
  for (const { session, epoch, inc } of told) {
    if (epoch === null) continue;
    const key = `${session} epoch ${epoch}`;
    const known = holders.get(key);
    if (known !== undefined && known !== inc) yield `${key}: attached to ${known} and to ${inc}`;
    holders.set(key, inc);
  }
}

function lostFacts(history: History): { said: string; excused: boolean }[] {
  const { told, facts, created, names, mayBeLost } = history;
  const kept = new Set(facts.map(({ seq, session, kind }) => `${session} ${seq} ${kind}`));
  const missing = [
    ...told.map(({ session, seq, kind, at }) => ({ said: `${session} ${seq} ${kind}`, at })),
    ...created.filter(({ name }) => !names.has(name)).map(({ name, at }) => ({ said: name, at })),
  ].filter(({ said }) => !kept.has(said));
  return missing.map(({ said, at }) => {
    const excused = mayBeLost.some(({ from, to }) => at >= from && at <= to);
    return { said: `${said}, told at ${new Date(at).toISOString()}`, excused };
  });
}

function bytesWrong({ streams }: History): string[] {
  return streams.flatMap(({ session, linesLost, linesDoubled, linesTorn }) => {
    const counts = { lost: linesLost, doubled: linesDoubled, torn: linesTorn };
    const wrong = Object.entries(counts).flatMap(([what, n]) => (n > 0 ? [`${n} ${what}`] : []));
    return wrong.length === 0 ? [] : [`${session}: ${wrong.join(", ")}`];
  });
}

/** Calls about a session's sandbox by a life while the store said that another had it. */
function callsBySuperseded(history: History): string[] {
  const { calls, lives, witnessed, sessionOfSandbox } = history;
  const rows = groupBy(witnessed, ({ session }) => session);
  return calls.flatMap(({ hub, at, method, path }) => {
    const named = path.split("/").find((part) => sessionOfSandbox.has(part));
    const session = sessionOfSandbox.get(named ?? "");
    const life = lives.find((one) => one.hub === hub && one.from <= at && at <= one.to);
    if (session === undefined || life === undefined) return [];
    const row = (rows.get(session) ?? []).findLast((one) => one.at <= at);
    if (row === undefined || row.owner === null || row.owner === life.inc) return [];
    const lateMs = Math.round(at - row.at);
    return [`${method} ${path} by ${hub}, ${lateMs} ms after its session was another's`];
  });
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}
