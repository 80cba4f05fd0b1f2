/** Sessions and facts as rows that move from one engine into another, each word as it was kept. */
export interface StoredSession {
  readonly id: string;
  readonly name: string;
  readonly gone: boolean;
  /** JSON, to the letter. */
  readonly record: string;
}

export interface StoredFact {
  readonly seq: number;
  readonly session: string;
  readonly name: string;
  readonly at: number;
  readonly kind: string;
  readonly state: string;
  readonly detail: string;
  readonly text: string;
  /** JSON, to the letter. */
  readonly data: string;
}
