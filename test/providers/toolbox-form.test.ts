/** A file as it goes to a toolbox: what the platform's parser of forms makes of it again. */
import { expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { Toolbox } from "../../src/providers/daytona/toolbox.ts";

test("a file arrives with its path and its bytes, whatever they are", async () => {
  let form: FormData | null = null;
  const ask: typeof fetch = async (_, init) => {
    form = await new Response(init?.body ?? null, { headers: init?.headers ?? {} }).formData();
    return new Response("{}");
  };
  const address = { baseUrl: "http://platform", apiKey: "key", clock: systemClock, ask };
  const toolbox = new Toolbox(address, 1_000);
  const every = Uint8Array.from({ length: 70_000 }, (_, n) => n);
  for (const [path, bytes] of [
    ["/home/daytona/plain", every],
    ['/home/daytona/a "quoted" näme; x=1', new TextEncoder().encode("\r\n--holdfast-\r\n--\r\n")],
    ["/home/daytona/empty", new Uint8Array()],
  ] as const) {
    await toolbox.writeFile(path, bytes);
    const { get } = form as unknown as FormData;
    const file = get.call(form, "files[0].file");
    expect(get.call(form, "files[0].path")).toBe(path);
    if (!(file instanceof Blob)) throw new Error("no file");
    expect(await file.bytes()).toEqual(new Uint8Array(bytes));
  }
});
