/**
 * Lets a bundle leave out the schemas that nobody in it asks for. Valibot says of its functions
 * that a call has no effect but its value, and esbuild does not carry that from one module to
 * another; so each call in src/protocol, where only schemas are made, is marked where it stands.
 */
import type { Plugin } from "esbuild";
import { readFile } from "node:fs/promises";

export const pureSchemas: Plugin = {
  name: "pure-schemas",
  setup(builder) {
    builder.onLoad({ filter: /[\\/]src[\\/]protocol[\\/].*\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      return { contents: text.replaceAll(/\bv\.\w+\(/g, "/* @__PURE__ */ $&"), loader: "ts" };
    });
  },
};
