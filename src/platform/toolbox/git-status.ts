/** What git prints for programs, in the shapes of Daytona's answers. Pure. */
import type {
  FileStatus,
  GitCommitInfo,
  GitRemote,
  GitStatus,
  Status,
} from "@daytona/toolbox-api-client";

export const statusArgs = ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all"];

const letters: Record<string, Status> = {
  ".": "Unmodified",
  M: "Modified",
  T: "Modified",
  A: "Added",
  D: "Deleted",
  R: "Renamed",
  C: "Copied",
  U: "Updated but unmerged",
};

export function parseStatus(text: string): GitStatus {
  const status: GitStatus = { currentBranch: "", ahead: 0, behind: 0, fileStatus: [] };
  status.branchPublished = false;
  status.detached = false;
  const records = text.split("\0");
  for (let index = 0; index < records.length; index++) {
    const record = records[index] ?? "";
    if (record.startsWith("# ")) readHeader(status, record);
    else if (record.startsWith("? ")) status.fileStatus.push(untracked(record.slice(2)));
    else if (/^[12u] /.test(record)) {
      // A renamed file is followed by the name that it had.
      const extra = record.startsWith("2") ? (records[++index] ?? "") : "";
      status.fileStatus.push(changed(record, extra));
    }
  }
  return status;
}

function readHeader(status: GitStatus, record: string): void {
  const [, name = "", ...values] = record.split(" ");
  const value = values.join(" ");
  if (name === "branch.head") {
    status.detached = value === "(detached)";
    status.currentBranch = status.detached ? "HEAD" : value;
  } else if (name === "branch.upstream") {
    status.upstream = value;
  } else if (name === "branch.ab") {
    status.ahead = Math.abs(Number(values[0]));
    status.behind = Math.abs(Number(values[1]));
    // Git tells a distance only where the other end is there.
    status.branchPublished = true;
  }
}

/** `1 XY sub mH mI mW hH hI path`; a rename has one field more, an unmerged file three. */
function changed(record: string, extra: string): FileStatus {
  const kind = record[0] ?? "1";
  const fields = kind === "u" ? 10 : kind === "2" ? 9 : 8;
  const words = record.split(" ");
  const [x = ".", y = "."] = words[1] ?? "";
  return {
    name: words.slice(fields).join(" "),
    staging: letters[x] ?? "Unmodified",
    worktree: letters[y] ?? "Unmodified",
    extra,
  };
}

function untracked(name: string): FileStatus {
  return { name, staging: "Untracked", worktree: "Untracked", extra: "" };
}

export const historyArgs = ["log", "-z", "--format=%H%n%an%n%ae%n%aI%n%B"];

export function parseHistory(text: string): GitCommitInfo[] {
  return text
    .split("\0")
    .filter((entry) => entry !== "")
    .map((entry) => {
      const [hash = "", author = "", email = "", timestamp = "", ...message] = entry.split("\n");
      return { hash, author, email, timestamp, message: message.join("\n") };
    });
}

export const remotesArgs = ["config", "--get-regexp", "-z", "^remote\\..*\\.url$"];

export function parseRemotes(text: string): GitRemote[] {
  return text
    .split("\0")
    .filter((entry) => entry !== "")
    .map((entry) => {
      const [key = "", url = ""] = entry.split("\n");
      return { name: key.replace(/^remote\.(.*)\.url$/, "$1"), url };
    });
}
