/** Git as the SDK offers it, with repositories that are inside the sandbox alone. */
import { NotCheckable } from "../check.ts";
import type { Check } from "../check.ts";
import type { World } from "../world.ts";

async function fresh(world: World, hint: string): Promise<string> {
  const { process } = await world.box();
  const found = await process.executeCommand("command -v git");
  if (found.exitCode !== 0) throw new NotCheckable("the sandbox has no git");
  const dir = `/tmp/git-${world.run}-${hint}`;
  await process.executeCommand(`rm -rf ${dir}; mkdir -p ${dir}`);
  return dir;
}

const AUTHOR = ["Ada", "ada@example.com"] as const;

export const repositoryChecks: readonly Check[] = [
  {
    id: "git.commit",
    about: "a repository is made, a file added and committed, and the status says so each time",
    source: "sdk",
    run: async (world, see) => {
      const dir = await fresh(world, "commit");
      const { fs, git, process } = await world.box();
      await git.init(dir, false, "main");
      await fs.uploadFile(Buffer.from("one\n"), `${dir}/file`);
      const before = await git.status(dir);
      see.same(
        "before",
        before.fileStatus.map(({ name }) => name),
        ["file"],
      );
      await git.add(dir, ["file"]);
      const { sha } = await git.commit(dir, "First file", ...AUTHOR);
      const log = await process.executeCommand(`git -C ${dir} log -1 --format='%H %an %s'`);
      see.same("the commit", log.result, `${sha} Ada First file\n`);
      const after = await git.status(dir);
      see.same("after", [after.currentBranch, after.fileStatus], ["main", []]);
    },
  },
  {
    id: "git.branches",
    about: "branches are made, listed, checked out and deleted",
    source: "sdk",
    run: async (world, see) => {
      const dir = await fresh(world, "branches");
      const { git, fs } = await world.box();
      await git.init(dir, false, "main");
      await fs.uploadFile(Buffer.from("one\n"), `${dir}/file`);
      await git.add(dir, ["file"]);
      await git.commit(dir, "First", ...AUTHOR);
      await git.createBranch(dir, "other");
      await git.checkoutBranch(dir, "other");
      see.same("current", (await git.status(dir)).currentBranch, "other");
      await git.checkoutBranch(dir, "main");
      await git.deleteBranch(dir, "other");
      see.same("branches", (await git.branches(dir)).branches, ["main"]);
    },
  },
  {
    id: "git.clone",
    about: "a clone has the commits of its origin; pull and push carry them on",
    source: "sdk",
    run: async (world, see) => {
      const dir = await fresh(world, "clone");
      const { git, fs, process } = await world.box();
      await process.executeCommand(`git init -q --bare -b main ${dir}/origin.git`);
      await git.clone(`file://${dir}/origin.git`, `${dir}/a`);
      await fs.uploadFile(Buffer.from("one\n"), `${dir}/a/file`);
      await git.add(`${dir}/a`, ["file"]);
      await git.commit(`${dir}/a`, "First", ...AUTHOR);
      await process.executeCommand(`git -C ${dir}/a branch -M main`);
      await git.push(`${dir}/a`);
      await git.clone(`file://${dir}/origin.git`, `${dir}/b`);
      see.same("the file", (await fs.downloadFile(`${dir}/b/file`)).toString(), "one\n");
      await fs.uploadFile(Buffer.from("two\n"), `${dir}/a/file`);
      await git.add(`${dir}/a`, ["file"]);
      await git.commit(`${dir}/a`, "Second", ...AUTHOR);
      await git.push(`${dir}/a`);
      await git.pull(`${dir}/b`);
      see.same("pulled", (await fs.downloadFile(`${dir}/b/file`)).toString(), "two\n");
    },
  },
  {
    id: "git.undo",
    about: "what was added is taken back, and what was changed restored",
    source: "sdk",
    run: async (world, see) => {
      const dir = await fresh(world, "undo");
      const { git, fs } = await world.box();
      await git.init(dir, false, "main");
      await fs.uploadFile(Buffer.from("one\n"), `${dir}/file`);
      await git.add(dir, ["file"]);
      await git.commit(dir, "First", ...AUTHOR);
      await fs.uploadFile(Buffer.from("two\n"), `${dir}/file`);
      await git.restore(dir, ["file"]);
      see.same("restored", (await fs.downloadFile(`${dir}/file`)).toString(), "one\n");
      await fs.uploadFile(Buffer.from("three\n"), `${dir}/file`);
      await git.add(dir, ["file"]);
      await git.reset(dir, "hard", "HEAD");
      see.same("reset", (await fs.downloadFile(`${dir}/file`)).toString(), "one\n");
    },
  },
  {
    id: "git.remotes",
    about: "remotes are added, listed and found by name",
    source: "sdk",
    run: async (world, see) => {
      const dir = await fresh(world, "remotes");
      const { git } = await world.box();
      await git.init(dir);
      await git.remoteAdd(dir, "origin", "https://example.com/a.git");
      const { remotes } = await git.remotes(dir);
      see.same(
        "names",
        remotes.map(({ name }) => name),
        ["origin"],
      );
      see.same("its address", await git.remoteGet(dir, "origin"), "https://example.com/a.git");
      see.same("another one", await git.remoteGet(dir, "other"), undefined);
    },
  },
  {
    id: "git.config",
    about: "settings and the user are written and read",
    source: "sdk",
    run: async (world, see) => {
      const dir = await fresh(world, "config");
      const { git } = await world.box();
      await git.init(dir);
      await git.setConfig("core.abbrev", "12", "local", dir);
      see.same("the setting", await git.getConfig("core.abbrev", "local", dir), "12");
      await git.configureUser("Ada", "ada@example.com", "local", dir);
      see.same("the user", await git.getConfig("user.name", "local", dir), "Ada");
      see.same("none", await git.getConfig("user.nothing", "local", dir), undefined);
    },
  },
  {
    id: "git.no-repository",
    about: "what is no repository is an error",
    source: "documented",
    run: async (world, see) => {
      const dir = await fresh(world, "none");
      const { git } = await world.box();
      await see.fails("status", git.status(dir), {});
    },
  },
];
