import { STATUS_CODES } from "node:http";

/** Every error of the API has this shape; the SDK reads `message` and the status. */
export interface ErrorEnvelope {
  path: string;
  timestamp: string;
  statusCode: number;
  error: string;
  message: string;
}

export function envelope(path: string, statusCode: number, message: string): ErrorEnvelope {
  return {
    path: path.replace(/\?.*$/, ""),
    timestamp: new Date().toISOString(),
    statusCode,
    error: STATUS_CODES[statusCode] ?? "Error",
    message,
  };
}

/** The toolbox proxy's own shape, as the newer daemons and proxies write it. */
export function proxyEnvelope(
  request: { url?: string | undefined; method?: string | undefined },
  statusCode: number,
  code: string,
  message: string,
): Record<string, unknown> {
  return {
    statusCode,
    message,
    code,
    source: "DAYTONA_PROXY",
    timestamp: new Date().toISOString(),
    path: (request.url ?? "").replace(/\?.*$/, ""),
    method: request.method ?? "",
  };
}
