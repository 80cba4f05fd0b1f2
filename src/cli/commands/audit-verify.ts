/** `holdfast audit verify`: whether the audit log in the state directory is whole. */
import { HubError } from "../../base/hub-error.ts";
import { verifyAudit } from "../../hub/auth/audit-file.ts";
import { print, printJson, type Run } from "../cli.ts";

export const run: Run = async (cli) => {
  const { home } = cli.config();
  const verified = verifyAudit(home);
  const { entries, head, findings } = verified;
  if (cli.json) printJson(cli, verified);
  if (findings.length > 0) {
    throw new HubError("StoreCorrupt", `the audit log is not whole: ${findings.join("; ")}`, {
      hint: "Compare it with a copy. What follows the place cannot be trusted.",
    });
  }
  if (!cli.json) print(cli, `${entries} entries, each in its place; the head is ${head.hash}`);
  return 0;
};
