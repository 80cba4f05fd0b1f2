/** `holdfast token`: the admin token, for scripts and the login page. */
import { HubError } from "../../base/hub-error.ts";
import { print, printJson, type Run } from "../cli.ts";
import { readToken } from "../home.ts";

export const run: Run = async (cli) => {
  const config = cli.config();
  const token = config.token ?? readToken(config.home);
  if (token === null) {
    throw new HubError("Unauthenticated", `there is no token in ${config.home} yet`, {
      hint: "The first `holdfast up` makes one.",
    });
  }
  if (cli.json) printJson(cli, { token });
  else print(cli, token);
  return 0;
};
