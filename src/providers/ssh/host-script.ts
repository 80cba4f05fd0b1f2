/**
 * The shell text that keeps sandboxes on a plain host, and how its words are read. Pure. Written
 * for any Linux with a POSIX shell and coreutils or busybox. A sandbox is a directory below the
 * root, and the processes that carry its id in their environment: a script knows no other way to
 * find one that left its group.
 *
 *   NAME/id, NAME/record.json, NAME/env    written once; `id` last, so one without it is no sandbox
 *   NAME/state                             "started BOOT SECONDS" or "stopped …"; a boot ends all
 *   NAME/home, NAME/tmp                    what is the sandbox's own
 */
import { quote } from "../../base/shell-quote.ts";

/** What a script refuses with; what stands on stderr is the host's own word. */
export type Refusal = "gone" | "taken" | "stopped" | "alive" | "directory";

export interface SandboxRecord {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: number;
}

/**
 * What the login shell is asked to run, whatever shell that is. The script comes on stdin, so that
 * no other user of the host reads it in a list of processes; its end is told on stdout, since what
 * a script leaves running may keep the channel open.
 */
export const ENTRY =
  `exec sh -c 'IFS=" " read -r e s; (eval "$(printf %b "$s")"); ` +
  `printf "\\n%s %d\\n" "$e" "$?"'`;

/** The one line that ENTRY reads: the shell's own words take it apart, no process of its own. */
export function entryLine(mark: string, script: string): string {
  return `${mark} ${script.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n`;
}

/** A script refuses in its first line, with the mark of its call: no command knows that. */
export function refusalOf(stdout: Uint8Array, mark: string): Refusal | null {
  const first = Buffer.from(stdout.subarray(0, REFUSAL_BYTES_MAX)).toString("latin1");
  const refusals: readonly Refusal[] = ["gone", "taken", "stopped", "alive", "directory"];
  return refusals.find((refusal) => first === `${mark} ${refusal}\n`) ?? null;
}

const REFUSAL_BYTES_MAX = 128;

/** `root` is absolute, or below the home directory of the user on the host. */
export class HostScript {
  readonly #root: string;

  constructor(root: string) {
    this.#root = quote(root);
  }

  /** Prints the kernel's name, and each program that is missing. */
  facts(): string {
    return `uname -s
for c in cat find grep mkdir mv rm sed setsid sleep stat timeout; do
  command -v "$c" >/dev/null 2>&1 || echo "$c"
done`;
  }

  create(id: string, record: SandboxRecord, env: Readonly<Record<string, string>>): string {
    const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quote(value)}`);
    return `${this.#begin}
n=${quote(record.name)}
# A create that was cut off a while ago holds a name that nobody has.
if [ -d "$n" ] && [ ! -f "$n/id" ] && [ -n "$(find "$n" -maxdepth 0 -mmin +1)" ]; then
  rm -rf "./$n"
fi
mkdir "$n" 2>/dev/null || { [ -d "$n" ] && no taken; mkdir "$n" || exit 1; }
mkdir "$n/home" "$n/tmp" &&
  printf '%s\\n' ${quote(JSON.stringify(record))} >"$n/record.json" &&
  printf '%s\\n' ${quote(exports.join("\n"))} >"$n/env" &&
  printf 'started %s %s\\n' "$b" "$(date +%s)" >"$n/state" &&
  printf '%s\\n' ${quote(id)} >"$n/id.new" &&
  mv "$n/id.new" "$n/id" || { rm -rf "./$n"; exit 1; }
${TELL}`;
  }

  claim(idOrName: string): string {
    return `${this.#find(idOrName)}\n${TELL}`;
  }

  list(): string {
    return `${this.#begin}
for f in */id; do
  [ -f "$f" ] || continue
  n=\${f%/id}
  ${TELL}
done`;
  }

  start(idOrName: string): string {
    return `${this.#find(idOrName)}
mkdir -p "$n/tmp" && printf 'started %s %s\\n' "$b" "$(date +%s)" >"$n/state" || exit 1
${TELL}`;
  }

  stop(idOrName: string): string {
    return `${this.#find(idOrName)}
${END_ALL}
${TELL}`;
  }

  destroy(idOrName: string): string {
    return `${this.#find(idOrName)}
${END_ALL}
mv "$n" ".gone-$i" && rm -rf ".gone-$i"`;
  }

  /** Prints the sandbox's home. */
  home(idOrName: string): string {
    return `${this.#find(idOrName)}\nprintf %s "$PWD/$n/home"`;
  }

  /** The command is no argument of a process: other users of the host read those. */
  exec(
    idOrName: string,
    command: string,
    cwd: string | undefined,
    endAfterSeconds: number,
  ): string {
    return `${this.#enter(idOrName)}
. "$d/env"
export HF_SANDBOX_ID="$i" HOME="$d/home" TMPDIR="$d/tmp"
unset LC_ALL
umask 022
${cwd === undefined ? "" : `cd ${quote(cwd)} 2>/dev/null || no directory`}
HF_COMMAND=${quote(command)} exec timeout -s KILL ${endAfterSeconds} \\
  sh -c 'c=$HF_COMMAND; unset HF_COMMAND; eval "$c"' </dev/null 2>&1`;
  }

  /** Each as size, "d" or "f", and name, with a NUL behind. */
  listFiles(idOrName: string, path: string): string {
    return `${this.#enter(idOrName)}
cd ${quote(path)} || exit 1
for f in ./* ./.[!.]* ./..?*; do
  [ -e "$f" ] || [ -L "$f" ] || continue
  k=f; [ -d "$f" ] && k=d
  printf '%s %s %s\\0' "$(stat -c %s "$f")" "$k" "\${f#./}"
done`;
  }

  readFile(idOrName: string, path: string): string {
    return `${this.#enter(idOrName)}\nexec cat -- ${quote(path)}`;
  }

  /** The bytes follow on stdin. A line that breaks leaves the old file, not half of the new. */
  writeFile(idOrName: string, path: string, bytes: number): string {
    return `${this.#enter(idOrName)}
p=${quote(path)}; t="$p.$$"
mkdir -p "$(dirname "$p")" || exit 1
cat >"$t" && [ "$(wc -c <"$t")" -eq ${bytes} ] && mv -- "$t" "$p" || { rm -f "$t"; exit 1; }`;
  }

  moveFile(idOrName: string, from: string, to: string): string {
    return `${this.#enter(idOrName)}\nexec mv -- ${quote(from)} ${quote(to)}`;
  }

  removeFile(idOrName: string, path: string): string {
    return `${this.#enter(idOrName)}\nexec rm -- ${quote(path)}`;
  }

  get #begin(): string {
    return `export LC_ALL=C
umask 077
no() { echo "$e $1"; exit 1; }
mkdir -p ${this.#root} && cd ${this.#root} || exit 1
read -r b </proc/sys/kernel/random/boot_id`;
  }

  /** Sets $n and $i. An id names one incarnation, a name whichever has it now. */
  #find(idOrName: string): string {
    const name = nameOf(idOrName);
    return `${this.#begin}
n=${quote(name)}
{ read -r i <"$n/id"; } 2>/dev/null || no gone
${name === idOrName ? "" : `[ "$i" = ${quote(idOrName)} ] || no gone`}`;
  }

  /** A sandbox that is stopped runs nothing and shows no files, as on platforms that part them. */
  #enter(idOrName: string): string {
    return `${this.#find(idOrName)}
read -r s c <"$n/state"
[ "$s" = started ] && [ "\${c%% *}" = "$b" ] || no stopped
d=$PWD/$n
cd "$d/home" || exit 1`;
  }
}

/** One line: id, state, boot of now, record. Read by the shell itself: a claim is asked often. */
const TELL = `read -r i <"$n/id"; read -r s <"$n/state"; IFS= read -r j <"$n/record.json"
printf '%s\\t%s\\t%s\\t%s\\n' "$i" "$s" "$b" "$j"`;

const END_ALL = `printf 'stopped %s %s\\n' "$b" "$(date +%s)" >"$n/state" || exit 1
mine() { grep -lF "HF_SANDBOX_ID=$i" /proc/[0-9]*/environ 2>/dev/null | sed 's,[^0-9],,g'; }
k=TERM
for r in 1 2 3 4 5 6 7 8 9 10; do
  p=$(mine); [ -n "$p" ] || break
  kill -$k $p 2>/dev/null; k=KILL
  sleep 0.2
done
[ -z "$(mine)" ] || no alive`;

export interface Told {
  readonly sandboxId: string;
  readonly state: "started" | "stopped";
  readonly platformState: string;
  readonly changedAt: number | null;
  readonly record: SandboxRecord;
}

/** Null for a line that no script of ours printed. */
export function readTold(line: string): Told | null {
  const [sandboxId = "", told = "", boot = "", json = ""] = line.split("\t");
  if (json === "") return null;
  const [word, since, seconds = ""] = told.split(" ");
  const rebooted = word === "started" && since !== boot;
  const state = word === "started" && !rebooted ? "started" : "stopped";
  return {
    sandboxId,
    state,
    platformState: rebooted ? "rebooted" : state,
    changedAt: /^\d{1,12}$/.test(seconds) ? Number(seconds) * 1_000 : null,
    record: JSON.parse(json) as SandboxRecord,
  };
}

/** An id is a name, a dot and what no other incarnation of that name has. */
function nameOf(idOrName: string): string {
  return idOrName.split(".")[0] ?? "";
}
