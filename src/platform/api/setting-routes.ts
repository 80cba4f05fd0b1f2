/** What can be changed on a living sandbox: labels, idle times, visibility, activity, keys. */
import type { FastifyInstance } from "fastify";
import { randomBytes } from "node:crypto";
import type { Platform } from "../platform.ts";
import { texts } from "../sandbox/create-request.ts";
import type { SandboxRecord } from "../sandbox/record.ts";
import { AUTO_ARCHIVE_MINUTES_MAX, sandboxNotFound } from "../sandbox/rules.ts";
import { heldOf, sendHeld } from "./sandbox-routes.ts";
import { sendRefusal } from "./refusal.ts";

type IntervalKey =
  "autoStopMinutes" | "autoPauseMinutes" | "autoArchiveMinutes" | "autoDeleteMinutes";

interface Interval {
  path: string;
  least: number;
  most: number;
  /** What the real platform says of less than the least. */
  says?: string;
  apply: (record: SandboxRecord, minutes: number) => void;
}

const plain = (key: IntervalKey) => (record: SandboxRecord, minutes: number) => {
  record[key] = minutes;
};

const YEAR_MINUTES = 525_600;

const intervals: readonly Interval[] = [
  {
    path: "autostop",
    least: 0,
    most: YEAR_MINUTES,
    says: "Auto-stop interval must be non-negative",
    apply: plain("autoStopMinutes"),
  },
  {
    path: "autopause",
    least: 0,
    most: YEAR_MINUTES,
    says: "Auto-pause interval must be non-negative",
    apply: plain("autoPauseMinutes"),
  },
  {
    path: "autoarchive",
    least: 0,
    most: YEAR_MINUTES,
    says: "Auto-archive interval must be non-negative",
    apply: (record, minutes) => {
      // Zero asks for the longest, and more than that is not given.
      const most = AUTO_ARCHIVE_MINUTES_MAX;
      record.autoArchiveMinutes = minutes === 0 ? most : Math.min(minutes, most);
    },
  },
  {
    path: "autodelete",
    least: -YEAR_MINUTES,
    most: YEAR_MINUTES,
    apply: (record, minutes) => {
      record.autoDeleteMinutes = Math.max(minutes, -1);
    },
  },
  {
    path: "ttl",
    least: 0,
    most: YEAR_MINUTES,
    apply: (record, minutes) => {
      const endMs = Date.parse(record.createdAt) + minutes * 60_000;
      record.destroyAt = minutes === 0 ? null : new Date(endMs).toISOString();
    },
  },
];

export function settingRoutes(app: FastifyInstance, platform: Platform): void {
  for (const interval of intervals) intervalRoute(app, platform, interval);
  app.put<{ Params: { id: string } }>("/api/sandbox/:id/labels", (request, reply) => {
    const held = heldOf(platform, request);
    if (held === undefined) {
      return sendRefusal(request, reply, sandboxNotFound(request.params.id).refusal);
    }
    const problems: string[] = [];
    const body = typeof request.body === "object" ? { ...request.body } : {};
    const labels = texts(body, "labels", problems);
    if (problems[0] !== undefined) {
      return sendRefusal(request, reply, { status: 400, message: problems[0] });
    }
    held.record.labels = labels;
    platform.registry.save(held);
    return reply.send({ labels });
  });
  app.post<{ Params: { id: string } }>("/api/sandbox/:id/last-activity", (request, reply) => {
    const held = heldOf(platform, request);
    if (held === undefined) {
      return sendRefusal(request, reply, sandboxNotFound(request.params.id).refusal);
    }
    held.record.lastActivityAt = new Date().toISOString();
    return reply.code(201).send();
  });
  app.post<{ Params: { id: string; value: string } }>(
    "/api/sandbox/:id/public/:value",
    (request, reply) => {
      const held = heldOf(platform, request);
      if (held === undefined) {
        return sendRefusal(request, reply, sandboxNotFound(request.params.id).refusal);
      }
      const { value } = request.params;
      if (value !== "true" && value !== "false") {
        const message = "Validation failed (boolean string is expected)";
        return sendRefusal(request, reply, { status: 400, message });
      }
      held.record.isPublic = value === "true";
      platform.registry.save(held);
      return sendHeld(platform, request, reply, { ok: true, value: held });
    },
  );
  keyRoutes(app, platform);
}

function intervalRoute(app: FastifyInstance, platform: Platform, interval: Interval): void {
  app.post<{ Params: { id: string; minutes: string } }>(
    `/api/sandbox/:id/${interval.path}/:minutes`,
    (request, reply) => {
      const held = heldOf(platform, request);
      if (held === undefined) {
        return sendRefusal(request, reply, sandboxNotFound(request.params.id).refusal);
      }
      const minutes = Number(request.params.minutes);
      if (!Number.isInteger(minutes) || minutes < interval.least || minutes > interval.most) {
        const { path, least, most, says } = interval;
        const range = `${path} must be an integer from ${least} to ${most}`;
        const message = minutes < least ? (says ?? range) : range;
        return sendRefusal(request, reply, { status: 400, message });
      }
      interval.apply(held.record, minutes);
      platform.registry.save(held);
      return sendHeld(platform, request, reply, { ok: true, value: held });
    },
  );
}

function keyRoutes(app: FastifyInstance, platform: Platform): void {
  for (const [method, suffix] of [
    ["GET", ""],
    ["POST", "/rotate"],
  ] as const) {
    app.route<{ Params: { id: string } }>({
      method,
      url: `/api/sandbox/:id/signing-key${suffix}`,
      handler: (request, reply) => {
        const held = heldOf(platform, request);
        if (held === undefined) {
          return sendRefusal(request, reply, sandboxNotFound(request.params.id).refusal);
        }
        if (method === "POST") {
          held.record.signingKey = randomBytes(32).toString("base64url");
          platform.registry.save(held);
        }
        return reply.type("application/json").send(JSON.stringify(held.record.signingKey));
      },
    });
  }
}
