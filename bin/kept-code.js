// Compiled code is kept beside the packages, where only who may change the code may write. Loaded
// before all else: what strips types is started for the first file that is not kept, and takes
// longer than all of Node. Where nothing can be written each start compiles. Plain JavaScript, and
// nothing that an old Node lacks, as holdfast.js.
import { existsSync, realpathSync } from "node:fs";
import module from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))));
const packages = /[\\/]node_modules[\\/]/.test(root) ? dirname(root) : `${root}/node_modules`;
if (existsSync(packages)) module.enableCompileCache?.(`${packages}/.cache/holdfast`);
