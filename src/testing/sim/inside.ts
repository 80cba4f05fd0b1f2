/**
 * What a simulated driver finds when it looks from inside its sandbox: the services that the
 * hub's probes use, answered from the sandbox's state as the real ones would answer.
 */
import type { Clock } from "../../base/clock.ts";
import { limits } from "../../base/limits.ts";
import type { OpenService } from "../../driver/services/service.ts";
import { encodeJson } from "../../protocol/bodies.ts";
import type { ProbeAnswer } from "../../protocol/services.ts";
import type { SimSandbox } from "./sandbox.ts";

type Finding = ProbeAnswer["exec"];

const ok: Finding = { ok: true, latencyMs: 1, code: null, detail: "simulated" };
const failed = (code: string): Finding => ({ ok: false, latencyMs: 1, code, detail: code });

const FILES: Readonly<Record<SimSandbox["filesystem"], Finding>> = {
  ok,
  missing: failed("ENOTCONN"),
  "read-only": failed("EROFS"),
  full: failed("ENOSPC"),
  hung: failed("TIMEOUT"),
};

/** `sandbox` is asked anew each time: it may break and be mended. */
export function servicesInside(sandbox: SimSandbox, clock: Clock): OpenService {
  return (request, stream) => {
    stream.listen({ onBytes: () => undefined });
    if (request.kind === "probe") {
      const exec = sandbox.inside === "no-fork" ? failed("EAGAIN") : ok;
      const filesystem = sandbox.inside === "no-files" ? failed("EIO") : FILES[sandbox.filesystem];
      stream.accept({}, 0);
      const answer = (): void => {
        stream.write(encodeJson({ exec, filesystem }));
        stream.end();
      };
      if (filesystem.code !== "TIMEOUT") answer();
      else clock.setTimeout(answer, limits.INSIDE_PROBE_MS);
    } else if (request.kind === "terminal" && sandbox.inside !== "no-fork") {
      stream.accept({ pty: "simulated" }, 0);
      stream.write(new TextEncoder().encode(request.argv.slice(4).join("")));
      stream.end();
    } else if (request.kind === "mark") {
      stream.accept({}, 0);
      const texts = request.files.map((file) => sandbox.files.get(file) ?? null);
      for (const file of request.files) sandbox.files.delete(file);
      stream.write(encodeJson({ texts }));
      stream.end();
    } else stream.reset("REFUSED", "no such service in a simulated sandbox");
  };
}
