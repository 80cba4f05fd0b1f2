/** Certificates for one test: a root of its own, and pairs that it signed. Needs openssl. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export class Certificates {
  readonly dir = mkdtempSync(join(tmpdir(), "hft-"));
  readonly root = join(this.dir, "root.pem");

  constructor() {
    const subject = ["-subj", "/CN=a root of a test", "-days", "2"];
    this.#openssl(["req", "-x509", ...NEW_KEY, this.#key("root"), "-out", this.root, ...subject]);
  }

  /** `days` may be negative: then it is over. */
  pair(name: string, alternatives = "DNS:localhost,IP:127.0.0.1", days = 1): Pair {
    const [cert, key] = [join(this.dir, `${name}.pem`), this.#key(name)];
    const request = join(this.dir, `${name}.csr`);
    const extensions = join(this.dir, `${name}.ext`);
    writeFileSync(extensions, `subjectAltName=${alternatives}`);
    this.#openssl(["req", ...NEW_KEY, key, "-out", request, "-subj", `/CN=${name}`]);
    const by = ["-CA", this.root, "-CAkey", this.#key("root"), "-CAcreateserial"];
    const what = ["-in", request, "-out", cert, "-extfile", extensions, "-days", String(days)];
    this.#openssl(["x509", "-req", ...by, ...what]);
    return { cert, key };
  }

  /** As a renewal does it: the same paths, other bytes. */
  put(from: Partial<Pair>, to: Pair): void {
    if (from.cert !== undefined) copyFileSync(from.cert, to.cert);
    if (from.key !== undefined) copyFileSync(from.key, to.key);
  }

  get rootPem(): string {
    return readFileSync(this.root, "utf8");
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  #key(name: string): string {
    return join(this.dir, `${name}.key`);
  }

  #openssl(args: readonly string[]): void {
    execFileSync("openssl", args, { stdio: "ignore" });
  }
}

const CURVE = ["-pkeyopt", "ec_paramgen_curve:prime256v1"];
const NEW_KEY = ["-newkey", "ec", ...CURVE, "-nodes", "-keyout"];
