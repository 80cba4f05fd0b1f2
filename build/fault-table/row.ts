/** What a row of the fault table is. Rows keep their numbers for ever. */
export type Cover =
  /** A fault of the simulator, by its kind. */
  | { readonly sim: string }
  /** A test whose name begins so, in a file below test/. */
  | { readonly file: string; readonly test: string };

export interface FaultRow {
  readonly number: number;
  readonly fault: string;
  /** Besides the drills, which name their rows themselves. */
  readonly covers: readonly Cover[];
  readonly action: string;
  /** What no test shows yet. */
  readonly gap?: string;
}

export const sim = (kind: string): Cover => ({ sim: kind });
export const test = (file: string, name: string): Cover => ({ file, test: name });
