/** What a session's sandbox was started from, for people: a fallback is never left unsaid. */
import type { SessionRecord, StartSource } from "../../store/facts.ts";
import { sayAsked } from "./start-law.ts";

export interface SourceView extends StartSource {
  /** One sentence when it is not what was asked for. */
  readonly warning: string | null;
}

/** Null until a sandbox was asked for. */
export function sourceView({ source, spec }: SessionRecord): SourceView | null {
  if (source === null) return null;
  if (source.kind !== "image-fallback") return { ...source, warning: null };
  const because = source.because === null ? "" : `: ${source.because}`;
  const warning = `it runs from image ${source.name ?? ""} instead of ${sayAsked(spec)}${because}`;
  return { ...source, warning };
}
