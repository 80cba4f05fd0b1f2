/**
 * `npm run sbom`: every package that ships with Holdfast as CycloneDX 1.5, from the lock file
 * alone, the same bytes for the same lock file. Not by `npm sbom`: with `--omit dev` it leaves out
 * what is a dependency of both kinds, and without it stops at the overrides.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly name?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export type Lock = Readonly<Record<string, Locked>>;

const FOLDER = "node_modules/";

export function sbomOf(lock: Lock): object {
  const own = lock[""];
  const ships = Object.entries(lock).filter(
    ([path, part]) => path !== "" && part.dev !== true && part.devOptional !== true,
  );
  const refOf = ([path, part]: readonly [string, Locked]): string =>
    path === "" ? refs.own : `${nameOf(path, part)}@${part.version ?? ""}`;
  const refs = { own: `${own?.name ?? ""}@${own?.version ?? ""}` };
  const all = [["", own ?? {}] as const, ...ships];
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: {
        "bom-ref": refs.own,
        type: "application",
        name: own?.name,
        version: own?.version,
      },
    },
    components: unique(ships, refOf).map(([path, part]) => componentOf(path, part)),
    dependencies: unique(all, refOf).map((one) => ({
      ref: refOf(one),
      dependsOn: needsOf(one, lock).map(refOf).toSorted(),
    })),
  };
}

function componentOf(path: string, part: Locked): object {
  const { version = "", integrity = "", license, optional } = part;
  const name = nameOf(path, part);
  const content = Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex");
  return {
    "bom-ref": `${name}@${version}`,
    type: "library",
    name,
    version,
    scope: optional === true ? "optional" : "required",
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    hashes: [{ alg: "SHA-512", content }],
    ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
  };
}

/** One package may stand at several places of the tree. */
function unique<One>(all: readonly One[], refOf: (one: One) => string): readonly One[] {
  return [...new Map(all.map((one) => [refOf(one), one])).values()];
}

/** As Node finds them: in the package's own folder first, then in those around it. */
function needsOf([path, part]: readonly [string, Locked], lock: Lock): readonly [string, Locked][] {
  const names = Object.keys({ ...part.dependencies, ...part.optionalDependencies });
  return names.flatMap((name): [string, Locked][] => {
    for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf(FOLDER)))) {
      const at = `${folder.replace(/\/?$/, folder === "" ? "" : "/")}${FOLDER}${name}`;
      const found = lock[at];
      if (found !== undefined) return [[at, found]];
      // An optional one may be for another machine.
      if (folder === "") return [];
    }
  });
}

/** An alias has the name of what it stands for beside it. */
function nameOf(path: string, { name }: Locked): string {
  return name ?? path.slice(path.lastIndexOf(FOLDER) + FOLDER.length);
}

if (process.argv[1] === import.meta.filename) {
  const file = join(import.meta.dirname, "..", "package-lock.json");
  const { packages } = JSON.parse(readFileSync(file, "utf8")) as { packages: Lock };
  console.log(JSON.stringify(sbomOf(packages), null, 2));
}
