/** Files: what goes in comes out, byte by byte and name by name, and what fails says which way. */
import type { Check } from "../check.ts";
import type { World } from "../world.ts";

/** Every byte value, in an order that repeats at no power of two. */
const PATTERN = Buffer.from(Uint8Array.from({ length: 65_521 }, (_, index) => (index * 31) & 0xff));
const bytesOf = (length: number): Buffer => Buffer.alloc(length, PATTERN);

/** A directory of its own for a check. */
const fresh = async (world: World, hint: string): Promise<string> => {
  const dir = `/tmp/files-${world.run}-${hint}`;
  await (await world.box()).fs.createFolder(dir, "755");
  return dir;
};

export const filesChecks: readonly Check[] = [
  {
    id: "files.round-trip",
    about: "20 MB of every byte value come back as they went in; parents are made",
    source: "measured",
    run: async (world, see) => {
      const { fs } = await world.box();
      const sent = bytesOf(20_000_000);
      const path = `${await fresh(world, "trip")}/deep/er/file.bin`;
      await fs.uploadFile(sent, path);
      const back = await fs.downloadFile(path);
      see.same("length", back.length, sent.length);
      see.isTrue("the same bytes", sent.equals(back));
    },
  },
  {
    id: "files.empty",
    about: "an empty file is a file",
    source: "sdk",
    run: async (world, see) => {
      const { fs } = await world.box();
      const path = `${await fresh(world, "empty")}/nothing`;
      await fs.uploadFile(Buffer.alloc(0), path);
      see.same("size", (await fs.getFileDetails(path)).size, 0);
      see.same("bytes", (await fs.downloadFile(path)).length, 0);
    },
  },
  {
    id: "files.names",
    about: "blanks, quotes and letters of every script are part of a name",
    source: "measured",
    run: async (world, see) => {
      const { fs } = await world.box();
      const dir = await fresh(world, "names");
      for (const name of ["a b", "é 文", 'q"uote', "it's", "per%20cent", "-dash"]) {
        await fs.uploadFile(Buffer.from(name), `${dir}/${name}`);
        see.same(name, (await fs.downloadFile(`${dir}/${name}`)).toString(), name);
      }
      see.same("all of them", (await fs.listFiles(dir)).length, 6);
    },
  },
  {
    id: "files.bulk",
    about: "of many downloads each has its own answer: bytes, or why not",
    source: "sdk",
    run: async (world, see) => {
      const { fs } = await world.box();
      const dir = await fresh(world, "bulk");
      await fs.uploadFiles([
        { source: Buffer.from("one"), destination: `${dir}/1` },
        { source: Buffer.from("two"), destination: `${dir}/sub/2` },
      ]);
      const wanted = [`${dir}/1`, `${dir}/none`, `${dir}/sub/2`, dir];
      const got = await fs.downloadFiles(wanted.map((source) => ({ source })));
      const texts = got.map(({ result }) => (result === undefined ? null : String(result)));
      see.same("the bytes", texts, ["one", null, "two", null]);
      const codes = got.map(({ errorDetails }) => errorDetails?.code ?? null);
      see.same("the codes", codes, [null, "FILE_NOT_FOUND", null, "INVALID_FILE_PATH"]);
      const missing = fs.downloadFile(`${dir}/none`);
      await see.fails("one that is missing", missing, {
        name: "DaytonaFileNotFoundError",
        status: 404,
      });
    },
  },
  {
    id: "files.streams",
    about: "files go in and come out as streams, with their progress",
    source: "sdk",
    run: async (world, see) => {
      const { fs } = await world.box();
      const path = `${await fresh(world, "streams")}/file`;
      const sent = bytesOf(300_000);
      let toldBytes = 0;
      const onProgress = ({ bytesSent }: { bytesSent: number }): void =>
        void (toldBytes = bytesSent);
      await fs.uploadFileStream(sent, path, { onProgress });
      see.same("bytes told", toldBytes, sent.length);
      const pieces: Buffer[] = [];
      for await (const piece of await fs.downloadFileStream(path)) pieces.push(piece as Buffer);
      see.isTrue("the same bytes", sent.equals(Buffer.concat(pieces)));
    },
  },
  {
    id: "files.details",
    about: "details tell name, size, mode, owner and time",
    source: "measured",
    run: async (world, see) => {
      const { fs } = await world.box();
      const path = `${await fresh(world, "details")}/file`;
      await fs.uploadFile(Buffer.from("12345"), path);
      await fs.setFilePermissions(path, { mode: "640" });
      const details = await fs.getFileDetails(path);
      see.same("name and size", [details.name, details.size, details.isDir], ["file", 5, false]);
      see.same("permissions", details.permissions, "0640");
      see.same("mode", details.mode, "-rw-r-----");
      see.like("owner", details.owner, /./);
      see.isTrue("modTime is a time", !Number.isNaN(Date.parse(details.modTime)), details.modTime);
    },
  },
  {
    id: "files.list",
    about: "a listing tells entries, and those below with a depth; of nothing it is 404",
    source: "measured",
    run: async (world, see) => {
      const { fs } = await world.box();
      const dir = await fresh(world, "list");
      await fs.uploadFile(Buffer.from("x"), `${dir}/a/b`);
      see.same(
        "names",
        (await fs.listFiles(dir)).map(({ name }) => name),
        ["a"],
      );
      const deep = (await fs.listFiles(dir, { depth: 2 })).map(({ name }) => name);
      see.isTrue(
        "the entry below",
        deep.some((name) => name.endsWith("b")),
        deep,
      );
      await see.fails("a list of nothing", fs.listFiles(`${dir}/none`), { status: 404 });
    },
  },
  {
    id: "files.folders",
    about: "a folder has the mode that was asked for, and is deleted only with all that is in it",
    source: "measured",
    run: async (world, see) => {
      const { fs } = await world.box();
      const dir = await fresh(world, "folders");
      await fs.createFolder(`${dir}/box`, "700");
      see.same("permissions", (await fs.getFileDetails(`${dir}/box`)).permissions, "0700");
      await fs.uploadFile(Buffer.from("x"), `${dir}/box/file`);
      await see.fails("delete", fs.deleteFile(`${dir}/box`), { status: 400 });
      await fs.deleteFile(`${dir}/box`, true);
      see.same("what is left", await fs.listFiles(dir), []);
      await see.fails("delete of nothing", fs.deleteFile(`${dir}/box`), { status: 404 });
    },
  },
  {
    id: "files.move",
    about: "a file is moved, and what is not there is 404",
    source: "measured",
    run: async (world, see) => {
      const { fs } = await world.box();
      const dir = await fresh(world, "move");
      await fs.uploadFile(Buffer.from("x"), `${dir}/a`);
      await fs.moveFiles(`${dir}/a`, `${dir}/b`);
      see.same(
        "names",
        (await fs.listFiles(dir)).map(({ name }) => name),
        ["b"],
      );
      await see.fails("move of nothing", fs.moveFiles(`${dir}/a`, `${dir}/c`), { status: 404 });
    },
  },
  {
    id: "files.search",
    about: "files are found by name and by content, and texts in them replaced",
    source: "sdk",
    run: async (world, see) => {
      const { fs } = await world.box();
      const dir = await fresh(world, "search");
      await fs.uploadFile(Buffer.from("first\nneedle here\n"), `${dir}/one.txt`);
      await fs.uploadFile(Buffer.from("nothing\n"), `${dir}/two.md`);
      const found = await fs.findFiles(dir, "needle");
      const matches = found.map(({ file, line }) => [file.split("/").at(-1), line]);
      see.same("matches", matches, [["one.txt", 2]]);
      const { files } = await fs.searchFiles(dir, "*.md");
      see.same(
        "by name",
        files.map((file) => file.split("/").at(-1)),
        ["two.md"],
      );
      const [replaced] = await fs.replaceInFiles([`${dir}/one.txt`], "needle", "thread");
      see.same("success", replaced?.success, true);
      const text = (await fs.downloadFile(`${dir}/one.txt`)).toString();
      see.same("afterwards", text, "first\nthread here\n");
    },
  },
  {
    id: "files.denied",
    about: "what the user may not write is refused and stays as it is",
    source: "measured",
    run: async (world, see) => {
      const { fs, process } = await world.box();
      const who = await process.executeCommand("id -u");
      if (who.result.trim() === "0") {
        see.same("root may write", who.exitCode, 0);
        return;
      }
      const path = "/usr/conform-file";
      const failed = await fs.uploadFile(Buffer.from("x"), path).then(
        () => false,
        () => true,
      );
      see.isTrue("the upload fails", failed);
      await see.fails("its details", fs.getFileDetails(path), { status: 404 });
    },
  },
  {
    id: "files.no-path",
    about: "a call without a path is 400",
    source: "measured",
    run: async (world, see) => {
      const box = await world.box();
      see.status("info", await world.toolbox(box, "GET", "/files/info"), 400);
      see.status("delete", await world.toolbox(box, "DELETE", "/files"), 400);
    },
  },
  {
    id: "files.signed-urls",
    about: "a signed address uploads and downloads without a key, until its key is exchanged",
    source: "sdk",
    run: async (world, see) => {
      const box = await world.box();
      const path = `${await fresh(world, "signed")}/file`;
      await box.fs.uploadFile(Buffer.from("signed"), path);
      const url = await box.downloadUrl(path, 60);
      const answer = await world.ask("GET", url, { key: "" });
      see.status("the signed download", answer, 200);
      see.same("its bytes", answer.text, "signed");
      const forged = url.replace(/signature=[^&]*/, "signature=v1_forged");
      const refused = await world.ask("GET", forged, { key: "" });
      see.isTrue("a forged one is refused", [401, 403].includes(refused.status), refused.status);
      const form = new FormData();
      form.append("file", new Blob(["again"]), "file");
      const upload = await world.ask("POST", await box.uploadUrl(path, 60), { key: "", form });
      see.status("the signed upload", upload, 200);
      see.same("its bytes", (await box.fs.downloadFile(path)).toString(), "again");
      await box.rotateSigningKey();
      const old = await world.ask("GET", url, { key: "" });
      see.isTrue("the old one is refused", [401, 403].includes(old.status), old.status);
    },
  },
];
