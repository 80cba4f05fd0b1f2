/** Previews: a port of the sandbox by an address of its own, and who may look. */
import type { Check } from "../check.ts";
import type { Answer, World } from "../world.ts";

const PORT = 8732;
const CLOSED_PORT = 8733;
const WAIT_MS = 15_000;

/** A server inside that tells which headers reached it. */
const SERVER = `
import http.server
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("hello " + str("authorization" in self.headers)).encode()
        self.send_response(200); self.send_header("content-length", str(len(body)))
        self.end_headers(); self.wfile.write(body)
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", ${PORT}), H).serve_forever()
`;

async function serve(world: World): Promise<{ url: string; token: string }> {
  const box = await world.box();
  const { url, token } = await box.getPreviewLink(PORT);
  const look = (): Promise<Answer> => world.visit(url, { "x-daytona-preview-token": token });
  if ((await look()).status === 200) return { url, token };
  await box.fs.uploadFile(Buffer.from(SERVER), "/tmp/conform-server.py");
  await box.process.executeCommand(
    "nohup python3 /tmp/conform-server.py >/dev/null 2>&1 </dev/null &",
  );
  await world.comes(async () => (await look()).status === 200, WAIT_MS);
  return { url, token };
}

export const previewChecks: readonly Check[] = [
  {
    id: "preview.token",
    about: "the preview token lets in, and the app does not see the key",
    source: "measured",
    run: async (world, see) => {
      const { url, token } = await serve(world);
      const byToken = await world.visit(url, { "x-daytona-preview-token": token });
      see.status("by its token", byToken, 200);
      const byKey = await world.visit(url, { authorization: `Bearer ${world.target.apiKey}` });
      see.status("by the key", byKey, 200);
      see.same("what the app saw", byKey.text, "hello False");
    },
  },
  {
    id: "preview.login",
    about: "who has no right to look is sent to a login with 307, not told 401",
    source: "measured",
    run: async (world, see) => {
      const { url } = await serve(world);
      const answer = await world.visit(url);
      see.status("without a token", answer, 307);
      see.like("location", answer.headers.get("location"), /^https?:/);
    },
  },
  {
    id: "preview.query-key",
    about: "the token in the address lets in, too",
    source: "documented",
    run: async (world, see) => {
      const { url, token } = await serve(world);
      const answer = await world.visit(`${url}/?DAYTONA_SANDBOX_AUTH_KEY=${token}`);
      see.isTrue("let in, or sent on with a cookie", [200, 307].includes(answer.status));
      if (answer.status === 307) see.like("cookie", answer.headers.get("set-cookie"), /./);
    },
  },
  {
    id: "preview.closed-port",
    about: "a port that nobody listens on is 502",
    source: "measured",
    run: async (world, see) => {
      const box = await world.box();
      const { url, token } = await box.getPreviewLink(CLOSED_PORT);
      const answer = await world.visit(url, { "x-daytona-preview-token": token });
      see.status("a closed port", answer, 502);
    },
  },
  {
    id: "preview.signed",
    about: "a signed address lets in until it is taken back",
    source: "measured",
    run: async (world, see) => {
      await serve(world);
      const box = await world.box();
      const signed = await box.getSignedPreviewUrl(PORT, 60);
      see.status("signed", await world.visit(signed.url), 200);
      await box.expireSignedPreviewUrl(PORT, signed.token);
      see.status("taken back", await world.visit(signed.url), 307);
      const path = `/sandbox/${box.id}/ports/${PORT}/signed-preview-url`;
      for (const seconds of [0, 86_401]) {
        const answer = await world.api("GET", `${path}?expiresInSeconds=${seconds}`);
        see.status(`${seconds} seconds`, answer, 400);
      }
    },
  },
  {
    id: "preview.public",
    about: "a public sandbox is shown to everybody",
    source: "documented",
    run: async (world, see) => {
      const { url } = await serve(world);
      const box = await world.box();
      see.status("public", await world.api("POST", `/sandbox/${box.id}/public/true`), 200);
      const shown = await world.comes(async () => (await world.visit(url)).status === 200, 5_000);
      see.isTrue("it is shown", shown);
      see.status("private", await world.api("POST", `/sandbox/${box.id}/public/false`), 200);
    },
  },
  {
    id: "preview.ssh",
    about: "access by SSH is a token with an end, and can be taken back",
    source: "documented",
    run: async (world, see) => {
      const box = await world.box();
      const access = await box.createSshAccess(5);
      see.like("token", access.token, /./);
      see.same("valid", (await box.validateSshAccess(access.token)).valid, true);
      await box.revokeSshAccess(access.token);
      see.same("taken back", (await box.validateSshAccess(access.token)).valid, false);
    },
  },
];
