/** The file of `holdfast run --matrix`: sets of variables, one run each. */
import { YamlFile } from "./yaml-file.ts";

export interface Matrix {
  readonly sets: readonly Readonly<Record<string, string>>[];
  readonly concurrency: number;
}

const CONCURRENCY = 4;
const CONCURRENCY_MAX = 64;
/** A longer list is a mistake in the file, or a day's bill. */
const SETS_MAX = 10_000;

/** @throws HubError BadRequest with every mistake */
export async function readMatrix(path: string): Promise<Matrix> {
  const file = await YamlFile.read(path);
  const isList = Array.isArray(file.at());
  if (!isList) file.allow(["params", "matrix", "repeat", "concurrency"]);
  const listed = isList ? setsAt(file, []) : setsAt(file, ["params"]);
  const crossed = isList || file.at("matrix") === undefined ? null : cross(file);
  const once =
    listed.length > 0 && crossed !== null ? product(listed, crossed) : (crossed ?? listed);
  const repeat = isList ? 1 : (file.number(["repeat"], { min: 1, max: SETS_MAX }) ?? 1);
  const sets = Array.from({ length: repeat }, () => (once.length === 0 ? [{}] : once)).flat();
  if (once.length === 0 && repeat === 1) {
    file.wrong([], "has no sets: give a list of variables, params, matrix or repeat");
  }
  if (sets.length > SETS_MAX) file.wrong([], `makes ${sets.length} runs, more than ${SETS_MAX}`);
  const range = { min: 1, max: CONCURRENCY_MAX };
  const concurrency = isList ? undefined : file.number(["concurrency"], range);
  file.check();
  return { sets, concurrency: concurrency ?? CONCURRENCY };
}

function setsAt(file: YamlFile, path: readonly string[]): Readonly<Record<string, string>>[] {
  const value = file.at(...path);
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    file.wrong(path, "is no list of sets");
    return [];
  }
  return value.map((_, at) => file.map(...path, at));
}

/** Each value of each variable with each of the others. */
function cross(file: YamlFile): readonly Readonly<Record<string, string>>[] {
  let sets: readonly Readonly<Record<string, string>>[] = [{}];
  for (const name of file.keys("matrix")) {
    const values = file.texts("matrix", name);
    if (values.length === 0) file.wrong(["matrix", name], "has no values");
    sets = product(
      sets,
      values.map((value) => ({ [name]: value })),
    );
  }
  return sets;
}

function product(
  left: readonly Readonly<Record<string, string>>[],
  right: readonly Readonly<Record<string, string>>[],
): readonly Readonly<Record<string, string>>[] {
  return left.flatMap((one) => right.map((other) => ({ ...one, ...other })));
}
