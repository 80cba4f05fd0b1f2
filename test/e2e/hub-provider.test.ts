/** The Daytona adapter against a real platform process. */
import { systemClock } from "../../src/base/clock.ts";
import { DaytonaProvider } from "../../src/providers/daytona/daytona.ts";
import { providerContract } from "../contract/provider-contract.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { makeDataDir, startPlatform, stopPlatform } from "./platform-kit.ts";

describeWhere([needs.linux], "daytona", () => {
  providerContract("a local platform", async () => {
    const platform = await startPlatform(makeDataDir());
    const { apiUrl, apiKey } = platform;
    const provider = new DaytonaProvider({
      platform: "daytona",
      apiUrl,
      apiKey,
      target: "local",
      clock: systemClock,
      callMs: 10_000,
      autoStopMs: 1_800_000,
    });
    const close = async (): Promise<void> => {
      await provider.close();
      await stopPlatform(platform);
    };
    return { provider, close };
  });
});
