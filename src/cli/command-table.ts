/**
 * Every command: arguments, options, examples and where its code is. The code is imported when the
 * command runs, so that `holdfast ls` does not load a web server.
 */
import { logLevels } from "../base/config-table.ts";
import { faultSwitches, isolationTiers, platformKinds } from "../base/platform-settings.ts";
import type { Run } from "./cli.ts";
import { accessCommands } from "./command-table-access.ts";
import { sshCommands } from "./command-table-ssh.ts";

export interface CommandSpec {
  /** Words after `holdfast`, then arguments: `platform info`, `show <name>`. */
  readonly name: string;
  readonly args?: string;
  readonly about: string;
  /** Flags and what they do; `...` after a value makes it repeatable. */
  readonly options?: readonly (readonly [flags: string, about: string])[];
  readonly examples?: readonly string[];
  readonly load: () => Promise<{ run: Run }>;
}

const isolation = [
  "--isolation <tier>",
  `how sandboxes are kept apart: ${isolationTiers.join(", ")}`,
] as const;
const platformListen = [
  "--platform-listen <host:port>",
  "where the local platform listens",
] as const;
const platformFaults = [
  "--platform-faults <switch>",
  `whether the local platform can be told to fail: ${faultSwitches.join(", ")}`,
] as const;
const retry = [
  "--retry <classes>",
  "how often a failed start is tried again: startup=2,environment=1",
] as const;
const fallbackImage = [
  "--fallback-image <image>",
  "image to start from when the snapshot is inactive or missing",
] as const;
/** Waking costs money and looking on does not, so both are said and neither is guessed. */
const intent = [
  ["--wake", "resume the session first if it is suspended"],
  ["--observe", "look on: neither wake the session nor count as its use"],
] as const;
const wait = [
  ["--no-wait", "return at once instead of waiting for the verdict"],
  ["--timeout <duration>", "stop waiting after this long (90s, 2m); exit code 124"],
] as const;

export const commandTable: readonly CommandSpec[] = [
  {
    name: "up",
    about: "start hub, local platform and dashboard; runs until ^C",
    options: [
      ["--detach", "return when ready and leave it running"],
      ["--listen <host:port>", "where the hub listens"],
      ["--public-url <url>", "address under which sandboxes and browsers reach the hub"],
      ["--tls-cert <file>", "PEM of the hub's certificate and its chain: the hub speaks TLS"],
      ["--tls-key <file>", "PEM of its key"],
      ["--preview-domain <domain>", "domain of previews: PORT-NAME.DOMAIN (localhost)"],
      ["--platform <kind>", `who runs the sandboxes: ${platformKinds.join(", ")}`],
      ["--ssh-url <url>", "host of platform ssh: ssh://user@host:port/directory"],
      ["--ssh-config <file>", "for `ssh -F`, with keys and known hosts of platform ssh"],
      isolation,
      platformListen,
      ["--ssh-listen <host:port>", "take `ssh NAME@hub` here, from ssh/authorized_keys in home"],
      retry,
      fallbackImage,
      platformFaults,
      ["--with <pid>", "stop once that process is gone and no session is left"],
      ["--log-level <level>", `least important line in the log: ${logLevels.join(", ")}`],
    ],
    examples: ["holdfast up", "holdfast up --detach --listen 127.0.0.1:8080"],
    load: () => import("./commands/up.ts"),
  },
  {
    name: "down",
    about: "stop hub, platform and every sandbox process; files stay for the next up",
    load: () => import("./commands/down.ts"),
  },
  {
    name: "doctor",
    about: "check this machine, the hub and the platform; each finding with its fix",
    load: () => import("./commands/doctor.ts"),
  },
  {
    name: "new",
    args: "[name]",
    about: "start a session and wait until it is proven",
    options: [
      ["--image <image>", "image to start from"],
      ["--snapshot <snapshot>", "snapshot to start from"],
      fallbackImage,
      retry,
      ["--env <key=value...>", "variable inside the sandbox; may be given often"],
      ["--label <key=value...>", "label of the session; may be given often"],
      ...wait,
    ],
    examples: ["holdfast new demo", "holdfast new --snapshot my-snapshot --env DEBUG=1"],
    load: () => import("./commands/new.ts"),
  },
  {
    name: "ls",
    about: "list the sessions",
    options: [
      ["--state <states>", "only these, with commas between them"],
      ["--code <codes>", "only these codes, of the error or the verdict"],
      ["--label <key=value...>", "only with this label, or KEY alone; may be given often"],
      ["-w, --watch", "go on as they change, until ^C"],
      ["--cost", "what their sandboxes have cost, with the hub's sum"],
    ],
    examples: ["holdfast ls --watch", "holdfast ls --state error,nudging", "holdfast ls --cost"],
    load: () => import("./commands/ls.ts"),
  },
  {
    name: "show",
    args: "<name>",
    about: "show one session",
    load: () => import("./commands/show.ts"),
  },
  {
    name: "health",
    args: "<name>",
    about: "claim, evidence and verdict of one session",
    options: [["--probe", "look again first: driver, commands and files, by both ways"]],
    load: () => import("./commands/health.ts"),
  },
  {
    name: "why",
    args: "<name>",
    about: "say in plain words how a session got where it is, and what comes next",
    load: () => import("./commands/why.ts"),
  },
  {
    name: "bundle",
    args: "<name>",
    about: "put all that is known of a session in one file, for an issue report or a replay",
    options: [
      ["-o, --output <file>", "where to write it; default holdfast-NAME.json here"],
      ["--markdown", "as an issue report, on stdout unless --output is given"],
    ],
    examples: ["holdfast bundle demo", "holdfast bundle demo --markdown | less"],
    load: () => import("./commands/bundle.ts"),
  },
  {
    name: "events",
    args: "[name]",
    about: "the story of one session, or of all",
    options: [
      ["-f, --follow", "go on as events happen"],
      ["--limit <count>", "the newest so many, at most 1,000 (1,000)"],
      ["--before <seq>", "those before this number"],
      ["--all", "all that the hub keeps of the session"],
    ],
    load: () => import("./commands/events.ts"),
  },
  {
    name: "exec",
    args: "<name> <command...>",
    about: "run a command in a session; its exit code is the exit code",
    options: [
      ["-i, --stdin", "forward stdin (a pipe or file is forwarded without it)"],
      ["--cwd <dir>", "directory inside the sandbox"],
      ...intent,
      ["--env <key=value...>", "variable for the command; may be given often"],
      ["--timeout <duration>", "kill the command after this long; exit code 124"],
      ["--key <key>", "run it at most once under this key; again tells how it went (7 days)"],
    ],
    examples: [
      "holdfast exec demo -- sh -c 'echo out; echo err >&2; exit 3'",
      "tar c src | holdfast exec demo -- tar x",
    ],
    load: () => import("./commands/exec.ts"),
  },
  {
    name: "code",
    args: "<name> [file]",
    about: "run a file of code in a session, or what stdin says; its exit code is the exit code",
    options: [
      [
        "--lang <language>",
        "python, javascript, typescript, bash, sh, ruby; else by the file's name",
      ],
      ["--cwd <dir>", "directory inside the sandbox"],
      ["--env <key=value...>", "variable for the code; may be given often"],
      ["--timeout <duration>", "kill it after this long (10m); exit code 124"],
      ["--retries <n>", "try again this often when the session failed, not the code"],
      ["--restart", "heal a session in error before the next try, on a fresh sandbox if need be"],
      ["--artifacts <dir>", "with --json: tell the files that it leaves in this directory"],
    ],
    examples: [
      "holdfast code demo analyse.py",
      "echo 'print(6 * 7)' | holdfast code demo --lang python -",
    ],
    load: () => import("./commands/code.ts"),
  },
  {
    name: "run",
    args: "[app] [command...]",
    about: "run an app from its file: sandbox, files, install, start, health, command, clean up",
    options: [
      ["--local", "only on a hub with the local platform; started for this run if there is none"],
      ["--daytona", "the same with Daytona"],
      ["--matrix <file>", "run it once for each set of variables; one line of JSON each"],
      ["--concurrency <n>", "so many of the matrix at a time (4)"],
      ["--lease <duration>", "how long the sandbox outlives a run that was killed (30s)"],
    ],
    examples: [
      "holdfast run app.yaml",
      "holdfast run ./eval --local -- python3 client.py --seeds 5",
      "holdfast run app.yaml --matrix seeds.yaml --concurrency 20 > results.jsonl",
    ],
    load: () => import("./commands/run.ts"),
  },
  {
    name: "sh",
    args: "<name>",
    about: "open a shell in a session",
    options: [["--cwd <dir>", "directory inside the sandbox"], ...intent],
    load: () => import("./commands/sh.ts"),
  },
  ...sshCommands(intent),
  {
    name: "cp",
    args: "<source> <target>",
    about: "copy files and directories into a session or out of it; one side is NAME:PATH",
    options: [["-r, --recursive", "as it is anyway: directories are copied whole"], ...intent],
    examples: [
      "holdfast cp ./app demo:/srv/app",
      "holdfast cp demo:results.tar.gz .",
      "holdfast cp ./site/. demo:www",
    ],
    load: () => import("./commands/cp.ts"),
  },
  {
    name: "forward",
    args: "<name> [forwards...]",
    about: "reach ports and sockets of a session from here: [LOCAL:]REMOTE; runs until ^C",
    options: [
      ["-R, --reverse <forward...>", "the other way: [REMOTE:]LOCAL; may be given often"],
      ...intent,
    ],
    examples: [
      "holdfast forward demo 3000",
      "holdfast forward demo 8080:3000 0:5432 ./docker.sock:/run/docker.sock",
      "holdfast forward demo -R 9000:9000",
    ],
    load: () => import("./commands/forward.ts"),
  },
  {
    name: "preview",
    args: "<name> [port]",
    about: "a link that shows in a browser what listens on a port of a session, or its ports",
    options: [
      ["--expires <duration>", "how long the link is good for (1h, at most 30d)"],
      ["--open", "open it in the browser of this machine"],
      ["--revoke", "take back all links to the port, or to all ports, that there are"],
    ],
    examples: [
      "holdfast preview demo",
      "holdfast preview demo 3000",
      "holdfast preview demo 3000 --revoke",
      "holdfast preview demo 8000 --expires 1d --open",
    ],
    load: () => import("./commands/preview.ts"),
  },
  {
    name: "pause",
    args: "<name>",
    about: "freeze a session on purpose",
    options: wait,
    load: () => import("./commands/pause.ts"),
  },
  {
    name: "resume",
    args: "<name>",
    about: "wake a paused session and wait until it is proven again",
    options: wait,
    load: () => import("./commands/resume.ts"),
  },
  {
    name: "retry",
    args: "<name>",
    about: "try again after an error, or show what would be done",
    options: [["--dry-run", "only show which rungs would be climbed, and why"], ...wait],
    examples: ["holdfast retry demo", "holdfast retry demo --dry-run"],
    load: () => import("./commands/retry.ts"),
  },
  {
    name: "rm",
    args: "[names...]",
    about: "remove sessions with their sandboxes and files",
    options: [["--all", "every session"], ...wait],
    examples: ["holdfast rm demo", "holdfast rm --all"],
    load: () => import("./commands/rm.ts"),
  },
  {
    name: "simulate",
    about: "break the session machine in virtual time: seeded faults, checked promises",
    options: [
      ["--seeds <n>", "how many worlds of four minutes to run (1000)"],
      ["--seed <first>", "the first seed (1); one seed again: --seeds 1 --seed N"],
      ["--jobs <n>", "threads (all cores)"],
      ["--streams", "worlds of streams instead: cut lines, dead hubs, restored drivers"],
      ["--keep <dir>", "where the faults of broken seeds are kept (seeds in the state directory)"],
      ["--replay <file>", "run a kept seed, or what a bundle or a timeline recorded"],
    ],
    examples: [
      "holdfast simulate --seeds 20000",
      "holdfast simulate --seeds 1 --seed 1183",
      "holdfast simulate --replay holdfast-demo.json",
    ],
    load: () => import("./commands/simulate.ts"),
  },
  {
    name: "chaos",
    args: "[words...]",
    about: "make the local platform fail on purpose, and see what becomes of a session",
    options: [
      ["--all", "every call and every sandbox, also those yet to be created"],
      ["--for <duration>", "end it by itself after this long (30s, 2m)"],
      ["--times <n>", "end it after so many uses"],
      ["--delay <duration>", "how late or how often, for the faults that wait"],
      ["--reason <text>", "what the platform says instead of its usual text"],
    ],
    examples: [
      "holdfast chaos demo driver-killed",
      "holdfast chaos demo frozen --for 30s",
      "holdfast chaos --all api-500 --times 3",
      "holdfast chaos ls",
      "holdfast chaos clear",
    ],
    load: () => import("./commands/chaos.ts"),
  },
  ...accessCommands,
  {
    name: "control",
    about: "take a fresh sandbox through all that a session needs: is the platform itself broken?",
    examples: ["holdfast control", "holdfast control --json"],
    load: () => import("./commands/control.ts"),
  },
  {
    name: "platform status",
    about: "breaker, rate budget, control sandbox and calls of the hub's platform",
    load: () => import("./commands/platform-status.ts"),
  },
  {
    name: "platform info",
    about: "address, key and isolation tier of the local platform",
    options: [["--env", 'print what a Daytona SDK reads, for a shell: eval "$(…)"']],
    load: () => import("./commands/platform-info.ts"),
  },
  {
    name: "platform up",
    about: "run only the local platform, in the foreground",
    options: [["--data <dir>", "its state directory"], platformListen, isolation, platformFaults],
    load: () => import("./commands/platform-up.ts"),
  },
  {
    name: "platform conform",
    about: "run the published Daytona SDK through a platform and tell every difference",
    options: [
      ["--key <key>", "its key, with --url; better in DAYTONA_API_KEY"],
      ["--list", "only list the checks"],
      ["--only <prefix>", "only the checks whose names begin so: exec, files.round"],
    ],
    examples: [
      "holdfast platform conform",
      "holdfast platform conform --only session --json",
      "DAYTONA_API_KEY=… holdfast platform conform --url https://app.daytona.io/api",
    ],
    load: () => import("./commands/platform-conform.ts"),
  },
  {
    name: "config show",
    about: "every setting and its value; secrets stay hidden",
    options: [["--origin", "say where each value comes from"]],
    load: () => import("./commands/config-show.ts"),
  },
  {
    name: "completion",
    args: "<shell>",
    about: "print the completion script for bash, zsh or fish",
    examples: ['eval "$(holdfast completion bash)"'],
    load: () => import("./commands/completion.ts"),
  },
];
