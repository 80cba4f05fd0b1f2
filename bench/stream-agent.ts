/**
 * What most would write: a WebSocket server that starts the program that its first message names
 * and carries bytes, with back-pressure and nothing else. The driver of the baselines; its port is
 * the first line that it prints. With a pty it is `script`, as in a sandbox.
 */
import { spawn } from "node:child_process";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

interface Start {
  readonly argv: readonly string[];
  readonly pty: boolean;
}

const MESSAGE_WAIT_BYTES = 256 * 1024;

const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
server.on("listening", () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
server.on("connection", (socket) => {
  socket.once("message", (first: Buffer) => {
    const { argv, pty } = JSON.parse(first.toString()) as Start;
    const words = argv.map((word) => `'${word}'`).join(" ");
    const [program = "", ...args] = pty ? ["script", "-qefc", words, "/dev/null"] : argv;
    const child = spawn(program, args, { detached: true, stdio: ["pipe", "pipe", "ignore"] });
    child.stdin.on("error", () => undefined);
    socket.on("message", (bytes: Buffer) => child.stdin.write(bytes));
    child.stdout.on("data", (bytes: Buffer) => {
      socket.send(bytes, () => {
        if (socket.bufferedAmount < MESSAGE_WAIT_BYTES) child.stdout.resume();
      });
      if (socket.bufferedAmount >= MESSAGE_WAIT_BYTES) child.stdout.pause();
    });
    child.on("close", () => socket.close());
    socket.on("close", () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It ended by itself.
      }
    });
  });
});
