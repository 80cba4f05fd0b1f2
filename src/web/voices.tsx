/**
 * Who says what of a session, side by side: the platform's word, the driver's word, and what probes
 * saw of each thing that people use it for, over each way that leads to it. Each with its age.
 */
import type { Capability, Health, ProbeFact } from "../client/api-types.ts";
import type { SeenInDepth } from "./board.ts";
import { signOf } from "./evidence-marks.tsx";
import { plainText } from "./plain-text.ts";
import { Ago } from "./ticking-text.tsx";

const WAYS = [
  ["platform", "by the platform"],
  ["driver", "from inside"],
  ["link", "over the link"],
] as const;
type Way = (typeof WAYS)[number][0];

interface VoicesProps {
  readonly seen: SeenInDepth | null;
  /** Nobody expects proof of a session that was suspended or removed on purpose. */
  readonly atRest: boolean;
}

export function Voices({ seen, atRest }: VoicesProps) {
  const { capabilities, driverSays = null } = seen?.health ?? {};
  if (seen === null || capabilities === undefined) return null;
  return (
    <section aria-labelledby="voices-title">
      <h3 id="voices-title">What was seen</h3>
      <table class={atRest ? "voices at-rest" : "voices"}>
        <thead>
          <tr>
            <td />
            {WAYS.map(([way, words]) => (
              <th key={way} scope="col">
                {words}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Object.entries(capabilities).map(([name, capability]) => (
            <CapabilityRow key={name} name={name} capability={capability} seen={seen} />
          ))}
        </tbody>
      </table>
      {driverSays !== null && (
        <p class="quiet">
          driver says {plainText(driverSays.text)},{" "}
          <Ago atMs={seen.receivedAtMs - driverSays.ageMs} />
        </p>
      )}
    </section>
  );
}

interface CapabilityRowProps {
  readonly name: string;
  readonly capability: Capability;
  readonly seen: SeenInDepth;
}

function CapabilityRow({ name, capability, seen }: CapabilityRowProps) {
  return (
    <tr data-capability={name} data-ok={String(capability.ok)}>
      <th scope="row" title={plainText(capability.text)}>
        {name}
      </th>
      {WAYS.map(([way, words]) => (
        <Cell key={way} words={words} fact={factBy(way, capability)} seen={seen} />
      ))}
    </tr>
  );
}

interface CellProps {
  readonly words: string;
  readonly fact: ProbeFact | null;
  readonly seen: SeenInDepth;
}

/** A way that does not lead there is empty, and one that was not gone yet is unknown. */
function Cell({ words, fact, seen }: CellProps) {
  if (fact === null) return <td />;
  const [sign, word] = signOf(fact.ok);
  const took = fact.ok === true && fact.latencyMs !== null ? ` in ${fact.latencyMs} ms` : "";
  return (
    <td class={`mark-${word}`} data-way={words} title={plainText(fact.detail ?? "not probed yet")}>
      <span class="mark-sign" aria-hidden="true">
        {sign}
      </span>
      <span class="unseen">{word}</span>
      <span class="took">{took}</span>
      {fact.ageMs !== null && (
        <>
          {" "}
          <Ago atMs={seen.receivedAtMs - fact.ageMs} />
        </>
      )}
    </td>
  );
}

/** Of several probes that go the same way the one that fails. */
function factBy(way: Way, { paths }: Capability): ProbeFact | null {
  const facts = paths.filter(({ path }) => path === way);
  return facts.find(({ ok }) => ok === false) ?? facts[0] ?? null;
}

type Warned = NonNullable<Health["warnings"]>[number];

/** What breaks nothing now, and should be looked at. */
export function Warnings({ seen }: { readonly seen: SeenInDepth | null }) {
  const warnings = seen?.health.warnings ?? [];
  if (seen === null || warnings.length === 0) return null;
  return (
    <ul class="warnings" aria-label="warnings">
      {warnings.map((warning: Warned) => (
        <li key={`${warning.code} ${warning.at}`}>
          <code>{warning.code}</code> {plainText(warning.text)},{" "}
          <Ago atMs={seen.receivedAtMs - warning.ageMs} />
        </li>
      ))}
    </ul>
  );
}
