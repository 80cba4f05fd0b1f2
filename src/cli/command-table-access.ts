/** The commands about who may do what, and about all that a hub keeps: tokens, log, backup. */
import type { CommandSpec } from "./command-table.ts";

export const accessCommands: readonly CommandSpec[] = [
  {
    name: "token",
    about: "print the admin token",
    load: () => import("./commands/token.ts"),
  },
  {
    name: "token create",
    args: "<label>",
    about: "make an API token with a role and an end, and print it this once",
    options: [
      ["--role <role>", "owner, operator (the default), viewer or metrics"],
      ["--tenant <tenant>", "it sees the sessions of this tenant alone, and starts its own there"],
      ["--session <session...>", "it sees only this session; may be given often"],
      ["--expires <duration>", "how long it is good for (30d, at most 366d)"],
    ],
    examples: [
      "holdfast token create ci --role operator --expires 90d",
      "holdfast token create ada --role viewer --session demo --expires 8h",
    ],
    load: () => import("./commands/token-create.ts"),
  },
  {
    name: "token list",
    about: "the API tokens: role, sessions, end, last use",
    load: () => import("./commands/token-list.ts"),
  },
  {
    name: "token revoke",
    args: "<id>",
    about: "take an API token back; what it has open ends at once",
    load: () => import("./commands/token-revoke.ts"),
  },
  {
    name: "login",
    about: "log in with the identity provider of a hub, by a code that is typed in any browser",
    options: [["--device", "open no browser here: only show the address and the code"]],
    examples: ["holdfast login", "holdfast login --device --url https://hub.example"],
    load: () => import("./commands/login.ts"),
  },
  {
    name: "logout",
    about: "end a login, here and at its hub; what it has open ends at once",
    load: () => import("./commands/logout.ts"),
  },
  {
    name: "share",
    args: "<name> [share]",
    about: "a link that shows the terminals of a session in a browser, to look at only",
    options: [
      ["--for <duration>", "how long the link is good for (1h, at most 7d)"],
      ["--list", "the shares of the session that there are"],
      ["--revoke", "take the named share back; who looks by it sees nothing more"],
    ],
    examples: [
      "holdfast share demo --for 1h",
      "holdfast share demo --list",
      "holdfast share demo tok_01234567890123456789 --revoke",
    ],
    load: () => import("./commands/share.ts"),
  },
  {
    name: "audit verify",
    about: "follow the audit log's chain of hashes: was an entry changed, put in or taken out?",
    examples: ["holdfast audit verify", "holdfast audit verify --home /var/lib/holdfast --json"],
    load: () => import("./commands/audit-verify.ts"),
  },
  {
    name: "drain",
    about: "of several hubs, let this one give its sessions to the others, and watch it do so",
    options: [
      ["--yes", "do it without asking"],
      ["--no-wait", "return at once instead of waiting until it has none"],
    ],
    examples: ["holdfast drain --url http://10.0.0.2:7070", "holdfast drain --yes --json"],
    load: () => import("./commands/drain.ts"),
  },
  {
    name: "backup",
    args: "<file>",
    about: "write all that the hub keeps into one file, also while it runs",
    examples: ["holdfast backup hub.backup", "holdfast backup /var/backups/$(date +%F).holdfast"],
    load: () => import("./commands/backup.ts"),
  },
  {
    name: "import",
    about: "bring what a hub of its own kept into the empty PostgreSQL of several",
    examples: ["HOLDFAST_STORE_FILE=db-url HOLDFAST_CLUSTER_SECRET_FILE=secret holdfast import"],
    load: () => import("./commands/import.ts"),
  },
  {
    name: "restore",
    args: "<file>",
    about: "make the state directory that of the hub in a backup; `up` then finds its sessions",
    options: [["--force", "move what is there aside instead of refusing"]],
    examples: [
      "holdfast restore hub.backup",
      "holdfast restore hub.backup --home /var/lib/holdfast",
    ],
    load: () => import("./commands/restore.ts"),
  },
];
