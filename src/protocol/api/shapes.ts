/** Small shapes that the schemas of the HTTP API are made of. Times are ISO 8601 in UTC. */
import { Type, type Static, type TSchema } from "typebox";

/** What a schema describes, as a reader has it: nothing in an answer is to be changed. */
export type Told<Schema extends TSchema> = DeepReadonly<Static<Schema>>;

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;

export const Text = (description: string) => Type.String({ description });
export const Count = (description: string) => Type.Integer({ minimum: 0, description });
export const Seconds = (description: string) => Type.Number({ minimum: 0, description });
export const Flag = (description: string) => Type.Boolean({ description });
export const Time = (description: string) => Type.String({ format: "date-time", description });
export const AgeMs = Type.Number({ minimum: 0, description: "Milliseconds since then." });

export const OrNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

export const OneOf = <const Words extends readonly string[]>(words: Words, description: string) =>
  Type.Unsafe<Words[number]>({ type: "string", enum: words, description });
