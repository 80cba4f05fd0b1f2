// Compiled code is kept beside the packages, where only who may change the code may write. Loaded
// before all else: what strips types is started for the first file that is not kept, and takes
// longer than all of Node. Where nothing can be written each start compiles; so it does on a full
// disk, where Node would leave an empty file for each that has no room, at each start. Plain
// JavaScript, and nothing that an old Node lacks, as holdfast.js.
import fs from "node:fs";
import module from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const BYTES_MIN = 16 * 1024 * 1024;
const root = dirname(dirname(fs.realpathSync(fileURLToPath(import.meta.url))));
const packages = /[\\/]node_modules[\\/]/.test(root) ? dirname(root) : `${root}/node_modules`;
if (module.enableCompileCache !== undefined && fs.existsSync(packages)) {
  const { bavail, bsize } = fs.statfsSync(packages);
  if (bavail * bsize >= BYTES_MIN) module.enableCompileCache(`${packages}/.cache/holdfast`);
}
