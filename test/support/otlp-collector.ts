/** A collector that takes OTLP over HTTP with JSON, and keeps what it got. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface CollectedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code?: number; readonly message?: string };
}
export interface CollectedLog {
  readonly body: { readonly stringValue: string };
  readonly severityText: string;
  readonly traceId?: string;
  readonly attributes: readonly Attribute[];
}
interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number };
}
interface Batch {
  readonly resourceSpans?: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly CollectedSpan[] }[];
  }[];
  readonly resourceLogs?: readonly {
    readonly scopeLogs: readonly { readonly logRecords: readonly CollectedLog[] }[];
  }[];
}

export class OtlpCollector {
  readonly #server: Server;
  readonly spans: CollectedSpan[] = [];
  readonly logs: CollectedLog[] = [];
  readonly seen: { readonly path: string; readonly key: string | undefined }[] = [];
  /** What it answers; null: nothing, for ever. */
  status: number | null = 200;

  constructor() {
    this.#server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        this.seen.push({ path: request.url ?? "", key: request.headers["x-key"]?.toString() });
        if (this.status === null) return;
        if (this.status === 200) this.#keep(JSON.parse(body) as Batch);
        response.writeHead(this.status, { "content-type": "application/json" }).end("{}");
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** As a tree of names, in the order in which spans began. */
  tree(traceId: string, parent?: string, depth = 0): string[] {
    return this.spans
      .filter((span) => span.traceId === traceId)
      .filter(({ parentSpanId }) => (parentSpanId ?? "") === (parent ?? ""))
      .sort((a, b) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)))
      .flatMap((span) => [
        `${"  ".repeat(depth)}${span.name}`,
        ...this.tree(traceId, span.spanId, depth + 1),
      ]);
  }

  #keep({ resourceSpans = [], resourceLogs = [] }: Batch): void {
    for (const { scopeSpans } of resourceSpans) {
      for (const { spans } of scopeSpans) this.spans.push(...spans);
    }
    for (const { scopeLogs } of resourceLogs) {
      for (const { logRecords } of scopeLogs) this.logs.push(...logRecords);
    }
  }
}
