/** `holdfast new`: a session from nothing to its verdict. */
import type { NewSession } from "../../client/api-types.ts";
import { whyNotSessionName } from "../../base/ids.ts";
import { connectApi } from "../connection.ts";
import { textOption, usageError, type Run } from "../cli.ts";
import { keyValues } from "../key-values.ts";
import { settle } from "../settle.ts";
import { proofSteps } from "../render/proof.ts";

export const run: Run = async (cli, [name]) => {
  const problem = name === undefined ? null : whyNotSessionName(name);
  if (problem !== null) throw usageError(problem, "Choose a name like demo or build-7.");
  const image = textOption(cli, "image");
  const snapshot = textOption(cli, "snapshot");
  if (image !== undefined && snapshot !== undefined) {
    throw usageError("--image and --snapshot exclude each other", "Start from one of them.");
  }
  const env = keyValues(cli, "env");
  const labels = keyValues(cli, "label");
  const wanted: NewSession = {
    ...(name === undefined ? {} : { name }),
    ...(image === undefined ? {} : { image }),
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(env === null ? {} : { env }),
    ...(labels === null ? {} : { labels }),
  };
  const api = connectApi(cli);
  return settle(cli, api, {
    title: name === undefined ? "creating a session" : `creating ${name}`,
    send: () => api.create(wanted),
    after: 0,
    steps: proofSteps,
    goals: ["connected", "error", "ended"],
    success: "connected",
  });
};
