/** What a service of the driver gets: the request, its stream, and the channel for further ones. */
import type { OpenRequest } from "../../protocol/services.ts";
import type { Channel } from "../../stream/channel.ts";
import type { Stream } from "../../stream/stream.ts";

/** Takes or resets the stream. It must set the stream's listeners before it returns. */
export type OpenService = (request: OpenRequest, stream: Stream, channel: Channel) => void;
