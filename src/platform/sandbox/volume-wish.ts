/** The volumes of a create: what may be mounted where, in the real platform's words. Pure. */
import type { SandboxVolume } from "@daytona/api-client";

const VOLUMES_MAX = 32;
const PATH_LENGTH_MAX = 1024;

/** The last three are this platform's own: what lies there is the host's, or its daemon's. */
const systemDirectories = [
  "/proc",
  "/sys",
  "/dev",
  "/boot",
  "/etc",
  "/bin",
  "/sbin",
  "/lib",
  "/lib64",
  "/usr",
  "/run",
  "/opt/holdfast",
];

export function parseVolumes(value: unknown, problems: string[]): SandboxVolume[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > VOLUMES_MAX) {
    problems.push(`volumes must be a list of at most ${VOLUMES_MAX} volumes`);
    return [];
  }
  const parsed = value.flatMap((item): SandboxVolume[] => {
    const { volumeId, mountPath, subpath } = fieldsOf(item);
    if (typeof volumeId !== "string" || volumeId === "") {
      problems.push("volumes: volumeId should not be empty");
      return [];
    }
    const problem = mountProblem(mountPath) ?? subpathProblem(subpath);
    if (problem !== undefined) problems.push(problem);
    if (problem !== undefined || typeof mountPath !== "string") return [];
    const part = typeof subpath === "string" ? subpath.replace(/\/$/, "") : "";
    const at = mountPath.replace(/\/$/, "");
    return [{ volumeId, mountPath: at, ...(part === "" ? {} : { subpath: part }) }];
  });
  const nested = parsed.find((one) => parsed.some((other) => isBelow(one, other)));
  if (nested !== undefined) {
    problems.push(`Invalid mount path ${nested.mountPath} (lies in another volume)`);
  }
  return parsed;
}

function fieldsOf(item: unknown): Record<string, unknown> {
  return typeof item === "object" && item !== null ? { ...item } : {};
}

function mountProblem(path: unknown): string | undefined {
  if (typeof path !== "string") return "Invalid mount path (must be a string)";
  const invalid = (why: string): string => `Invalid mount path ${path} (${why})`;
  if (!path.startsWith("/")) return invalid("must be absolute");
  if (path === "/" || path === "//") return invalid("cannot mount to the root directory");
  if (path.split("/").some((part) => part === "." || part === "..")) {
    return invalid("cannot contain relative path components");
  }
  if (path.includes("//")) return invalid("cannot contain consecutive slashes");
  if (hasOddCharacter(path)) return invalid("too long, or with control characters");
  if (systemDirectories.some((dir) => path === dir || path.startsWith(`${dir}/`))) {
    return invalid("cannot mount to system directory");
  }
  return undefined;
}

function subpathProblem(path: unknown): string | undefined {
  if (path === undefined || path === null || path === "") return undefined;
  if (typeof path !== "string") return `Invalid subpath ${JSON.stringify(path)} (must be a string)`;
  const invalid = (why: string): string => `Invalid subpath "${path}" (${why})`;
  if (path.startsWith("/")) return invalid("S3 key prefixes cannot start with /");
  if (path.includes("..")) return invalid("cannot contain .. for security");
  if (path.includes("//")) return invalid("cannot contain consecutive slashes");
  if (hasOddCharacter(path)) return invalid("too long, or with control characters");
  return undefined;
}

function hasOddCharacter(path: string): boolean {
  return path.length > PATH_LENGTH_MAX || /[\u0000-\u001f\u007f]/.test(path);
}

/** One volume's content must not decide where another one is mounted. */
function isBelow(one: SandboxVolume, other: SandboxVolume): boolean {
  return one !== other && `${one.mountPath}/`.startsWith(`${other.mountPath}/`);
}
