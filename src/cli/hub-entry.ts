/** The hub's door, as `up` uses it. */
export interface HubOptions {
  readonly home: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly publicUrl: string | null;
  readonly token: string;
  readonly platform: {
    readonly kind: "local" | "daytona";
    readonly apiUrl: string;
    readonly apiKey: string;
    readonly target: string | null;
  };
  readonly driverBundle: string;
  readonly webDir: string | null;
  readonly logLevel: string;
  readonly logFile: string | null;
}

export interface Hub {
  readonly url: string;
  readonly hubId: string;
  close(): Promise<void>;
}

export async function startHub(options: HubOptions): Promise<Hub> {
  const path: string = "../hub/main.ts";
  const hub = (await import(path)) as { startHub: typeof startHub };
  return hub.startHub(options);
}
