import { expect, test } from "vitest";
import { renderBanner, type Ready } from "../../src/cli/render/banner.ts";
import { createPaint } from "../../src/cli/render/paint.ts";

const paint = createPaint({ isTty: false, env: {}, noColorFlag: false });
const ready: Ready = {
  version: "0.1.0",
  url: "http://127.0.0.1:7070",
  loginUrl: "http://127.0.0.1:7070/login#token=hf_x",
  hubId: "hub_1",
  home: "/home/ada/.holdfast",
  platform: "local",
  apiUrl: "http://127.0.0.1:1/api",
  tier: "bwrap",
  root: "overlay",
  pause: "cgroup",
  passedOver: [],
  readyMs: 1234,
};

test("address, login, isolation, state and the next command", () => {
  const text = renderBanner(ready, "npx holdfast", paint);
  for (const part of [
    ready.url,
    ready.loginUrl,
    "bubblewrap",
    ready.home,
    "npx holdfast new demo",
  ]) {
    expect(text).toContain(part);
  }
  expect(text).not.toContain("not better");
});

test("a lower tier says what it is and why there is no better one", () => {
  const passedOver = ["bwrap: bwrap is not installed"];
  const text = renderBanner({ ...ready, tier: "process", passedOver }, "npx holdfast", paint);
  expect(text).toContain("NOT isolated");
  expect(text).toContain("bwrap is not installed (fix: `npx holdfast doctor`)");
});

test("a platform that is not ours has no tier to speak of", () => {
  const text = renderBanner({ ...ready, platform: "daytona", tier: null }, "holdfast", paint);
  expect(text).not.toContain("isolation");
});
