/** `holdfast logout`: ends a login here and at its hub, with all that it has open. */
import { HubError, toHubError } from "../../base/hub-error.ts";
import { loginCalls } from "../../client/api-login.ts";
import { note, printJson, type Run } from "../cli.ts";
import { hubAddress } from "../connection.ts";
import { forgetLogin, loginAt } from "../login-file.ts";
import { plain } from "../render/paint.ts";

export const run: Run = async (cli) => {
  const { home } = cli.config();
  const { url } = hubAddress(cli);
  const login = loginAt(home, url);
  if (login === null) throw new HubError("BadRequest", `nobody is logged in at ${url}`);
  forgetLogin(home, url);
  try {
    await loginCalls({ url, token: login.token, fetch }).logout();
  } catch (caught) {
    const { code, message } = toHubError(caught);
    // It was taken back already, which is what is wanted.
    if (code !== "Unauthenticated") {
      const said = `forgotten here, but the hub could not end it: ${message}`;
      throw new HubError(code, said, { hint: `It is over at ${login.expiresAt} by itself.` });
    }
  }
  if (cli.json) printJson(cli, { url, name: login.name });
  else note(cli, `${plain(login.name)} is logged out of ${url}`);
  return 0;
};
