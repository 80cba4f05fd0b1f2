/** `holdfast new`: a session from nothing to its verdict. */
import type { NewSession } from "../../client/api-types.ts";
import { whyNotSessionName } from "../../base/ids.ts";
import { parseRetry, type RetryPolicy } from "../../base/retry.ts";
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
  const fallbackImage = textOption(cli, "fallbackImage");
  if (image !== undefined && fallbackImage !== undefined) {
    throw usageError("--fallback-image replaces a snapshot, and --image is none", "Drop one.");
  }
  const retry = retryOption(textOption(cli, "retry"));
  const env = keyValues(cli, "env");
  const labels = keyValues(cli, "label");
  const wanted: NewSession = {
    ...(name === undefined ? {} : { name }),
    ...(image === undefined ? {} : { image }),
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(fallbackImage === undefined ? {} : { fallbackImage }),
    ...(retry === null ? {} : { retry }),
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

function retryOption(text: string | undefined): RetryPolicy | null {
  if (text === undefined) return null;
  const parsed = parseRetry(text);
  if ("value" in parsed) return parsed.value;
  throw usageError(`--retry: ${parsed.problem}`, "For example: --retry startup=2,environment=1");
}
