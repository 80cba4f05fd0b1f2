/** Bugs of creates at several hubs, to plant one at a time, as planted.ts has those of one hub. */
import type { Plant } from "./planted.ts";

const plant = (id: string, says: string, file: string, find: string, replace: string): Plant => ({
  id: `creates-${id}`,
  says,
  file: `src/${file}`,
  find,
  replace,
});

export const createsPlants: readonly Plant[] = [
  plant(
    "key-not-in-row",
    "the key of a request is not written with the row that it makes",
    "store/postgres/keep-rows.ts",
    "rows.map(({ record }) => digestOf(record.requestKey)),",
    "rows.map(() => null),",
  ),
  plant(
    "seat-given-back-early",
    "a seat is free as soon as somebody asks for the end of its session",
    "store/postgres/keep-rows.ts",
    'rows.map(({ record }) => record.detail === "ended.gone"),',
    'rows.map(({ record }) => record.desired === "ended"),',
  ),
  plant(
    "no-seats",
    "the statement that makes a session takes no seat for it",
    "store/postgres/keep-rows.ts",
    "...(isSeated ? KEEP_SEATED : KEEP),\n    values: [inc, stamp, ...columns," +
      " ...(isSeated ? [seats] : [])],",
    "...(isSeated ? KEEP : KEEP),\n    values: [inc, stamp, ...columns],",
  ),
  plant(
    "two-in-one-seat",
    "two hubs that look at the same moment take the same seat",
    "testing/sim/creates-rows.ts",
    "const isSeat = seat !== null && row.seat === seat && tenantOf(row.name) === tenant;",
    'const isSeat = seat !== null && tenant === "";',
  ),
  plant(
    "seat-lost-is-full",
    "who lost a seat to another hub is told that there is none",
    "store/postgres/keep-rows.ts",
    "const isFull = tenant !== null && seats !== null && (seen?.living ?? 0) >= seats;",
    "const isFull = tenant !== null && seats !== null;",
  ),
  plant(
    "unknown-is-given-back",
    "a session whose row may be on its way is let go with its seat when the caller waits no longer",
    "hub/sessions.ts",
    "const said = `the store did not keep it within",
    "this.#letGo(session)();\n      const said = `the store did not keep it within",
  ),
  plant(
    "lets-go-what-is-on-its-way",
    "a look at the store lets go a session whose row is on its way",
    "hub/cluster/company.ts",
    "owned: () => sessions.ids.filter((id) => store.settled(id) === null),",
    "owned: () => sessions.ids,",
  ),
  plant(
    "lost-is-kept-in-mind",
    "a session that the store refused is not let go",
    "hub/sessions.ts",
    "if (halted.halted?.isLost === true) this.#lose(halted);\n        else",
    "",
  ),
  plant(
    "end-undone-by-a-claim",
    "a hub takes a session up again whose end it has written and not heard of",
    "store/postgres/postgres-store.ts",
    "if (this.settled(id) !== null) return null;",
    "",
  ),
  plant(
    "no-look-after-return",
    "a store that was away is taken for the same one",
    "hub/cluster/ownership.ts",
    "this.#members.onReturn(() => this.doubt());",
    "",
  ),
];
