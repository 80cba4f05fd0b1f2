/**
 * What each code of the registry says in one or two sentences, for docs/FAULTS.md and for the page
 * of the hub. It stands apart from the registry because clients carry that one with them.
 */
import type { FaultCategory, FaultCode, FaultRetry } from "../../base/faults.ts";

/** Whose failure a category is. */
export const categoryMeanings: Readonly<Record<FaultCategory, string>> = {
  caller: "The request itself: nothing is broken.",
  operator: "Keys, settings or the place where the hub runs.",
  capacity: "There is no room for it now.",
  startup: "A sandbox never came up.",
  environment: "The sandbox or its platform broke.",
  verification: "The platform's claim is without proof.",
  driver: "Our process in the sandbox.",
  wire: "The connection.",
  task: "What was run or copied, not what carried it.",
  defect: "Holdfast.",
};

export const retryMeanings: Readonly<Record<FaultRetry, string>> = {
  never: "The same call fails again until something is changed.",
  same: "The same call may work later.",
  "after-backoff": "The same call may work after a wait.",
  "on-fresh-sandbox": "Only another sandbox can help.",
};

export const faultMeanings: Readonly<Record<FaultCode, string>> = {
  BadRequest: "A field, a query or an option is not known or has no right value; it is named.",
  Unauthenticated: "No token came along, or one that this hub does not know or that has ended.",
  LoginRefused: "Something in the identity provider's answer is not right; the message says what.",
  Forbidden: "The token is good, and its role or its sessions do not include this.",
  HostNotAllowed: "The Host header names neither an address nor a name of this hub.",
  OriginNotAllowed: "A browser's page from another origin asked; the token does not help it.",
  NotFound: "There is no such route, file of the page or record.",
  SessionNotFound: "No session has this id, and none that exists has this name.",
  SessionEnded: "The session was removed. Its timeline is still kept.",
  SessionNameTaken: "A session of this name exists; it holds the name until it is gone.",
  SessionSuspended: "The session rests, on purpose or because nobody used it.",
  SessionNotConnected: "What was asked for needs a proven session, and this one is not.",
  CommandKnown: "A command with this key was started before; it does not run twice.",
  OutputTooLarge: "There was more output than the request allows to keep.",
  StateConflict: "A change of the same session is under way, or it is not in a state for this one.",
  PauseUnsupported: "The platform says that sandboxes of this class cannot be paused.",
  RateLimited:
    "This caller asks more often than the hub allows; the answer names the time to wait.",
  VersionUnsupported: "The other side speaks a version of the protocol that this one does not.",
  PreviewLoop: "A preview would lead back to the hub itself.",
  WaitTimeout: "No verdict came within the time that was given. The attempt goes on.",
  Interrupted: "Somebody stopped waiting with ^C. The attempt goes on.",

  ConfigInvalid:
    "Settings are unknown, contradict each other or have no right value; all are named.",
  PortInUse: "Another program listens at the address that was asked for.",
  HomeNotWritable:
    "The state directory cannot be written, is open to others or is somebody else's.",
  HubRunning: "A hub runs on this state directory or on its store; there may be one.",
  LocalPlatformFailed: "The local platform did not start, or ended; its log has the last words.",
  HubUnreachable: "Nobody answers as a hub at this address.",
  StoreUnreachable: "The store is a server that takes no connections, or no writes.",
  IssuerUnavailable: "The identity provider does not answer, or not as one. Tokens work on.",
  StoreCorrupt: "The store's file cannot be read as what it should be; it was not touched.",
  BackupUnusable: "The file is no whole backup, or one of a newer version.",
  HubBusy: "The hub has as many requests or links as it takes at once; nothing was begun.",
  SessionMoved: "Another hub of the cluster took the session over in the meantime.",
  StoreRefuses: "Facts cannot be written, so that nothing is begun that they should stand for.",
  PlatformAuthRejected:
    "The platform refuses the hub's key. It was asked once, and is not asked again.",
  PublicUrlMissing: "Sandboxes elsewhere have no address of this hub to dial.",
  DriverRuntimeMissing: "The sandbox has no program that could run the driver.",

  PlatformQuota: "The organisation's limit at the platform is reached. Nothing is tried again.",
  PlatformRateLimited: "The platform asks for time, or the hub's own budget of calls is used up.",

  SandboxStartFailed: "The platform answered the start of a sandbox with an error.",
  SandboxStartStalled: "A sandbox that should start stayed as it was until its time was up.",
  ImageMissing: "The platform has no such image, or may not pull it.",
  SnapshotMissing: "The platform has no such snapshot, and no image was named in its place.",
  SnapshotInactive: "The snapshot was asked to become active and did not.",
  ImageBuildFailed: "The image could not be built or pulled.",

  PlatformDown: "The platform's API does not answer. Connected sessions go on; none is started.",
  PlatformTimeout: "The platform's API answers later than its deadline.",
  PlatformAnswerInvalid: "The platform answered what is not in its contract; the answer is kept.",
  SandboxGone: "The platform does not know the sandbox any more.",
  SandboxStopped: "The sandbox was stopped, by the platform or by somebody else.",
  ExecBroken: "Commands do not start in the sandbox, although its files may work.",
  ExecQueued: "The platform takes commands and runs none.",
  FilesystemBroken: "A file could not be written, listed, read back or removed.",
  FilesystemMountMissing: "The root of the sandbox is not mounted on its host any more.",
  FilesystemReadOnly: "Files can be read and not written.",
  DiskFull: "The sandbox's disk has no room.",
  ProcessLimit: "The sandbox has as many processes as it may.",
  NudgeQueued: "The signal to the driver was taken by the platform and never ran.",
  EgressBlocked: "The sandbox's network does not let it reach the hub.",
  DnsFailed: "The sandbox cannot turn the hub's name into an address.",
  UpgradeBlocked: "Plain HTTP reaches the hub from the sandbox, and a WebSocket does not.",
  TlsRejected: "The sandbox does not know who signed the certificate that it is shown.",
  SandboxFlapping: "The sandbox was stopped again and again within a minute.",
  SandboxStopStalled: "The platform was asked to stop a sandbox, and it does not end.",
  SandboxUnlisted: "A sandbox that works is not in the platform's listing.",
  ToolboxRefused: "The platform's API takes the hub's key; its way into the sandbox refuses it.",
  ClaimContradicted: "The platform says one thing of the sandbox, and what was seen is another.",
  PlatformStateUnknown: "The platform calls the sandbox's state by a word that nobody here knows.",
  PlatformClockWrong: "The platform's times cannot be right by this hub's clock.",
  DeletePending: "The platform lists what it was asked to delete.",
  PlatformBroken: "A control sandbox fails in the same way as this session.",

  ResumeBroken: "The platform says that the sandbox is back, and neither commands nor files work.",

  DriverAbsent: "The sandbox answers, and its driver does not dial.",
  DriverDeaf: "The driver's connection is up, and it answers nothing.",
  DriverStarved: "The driver gets no processor time beside what runs there.",
  DriverCrashLoop: "The driver was launched again and again, and ends each time.",
  CloneSuspected:
    "A second driver claims the session, or its driver lives in a copy of the sandbox.",
  RolledBack: "The sandbox came back from a checkpoint that is older than what was seen of it.",
  DriverLaunchFailed: "The driver was brought into the sandbox and did not start.",
  DriverFenced: "A driver of an older epoch dialled, and was turned away.",

  ProtocolBroken: "One side sent what the protocol does not allow; its link was ended.",
  LinkLost: "The connection to the hub or to the session is gone for good.",
  DriverRestarted: "The driver that carried it was started anew; what ran in it ended.",
  LeaseExpired: "Nobody came back within the time for which it is kept.",
  CommandNotFound: "The sandbox has no program of this name.",
  CommandRefused: "The program is there, and the sandbox does not let it run.",

  FileMissing: "There is nothing at this path.",
  FileExists: "Something is there already.",
  FileKindWrong: "What is there is no file and no directory.",
  FileRefused: "The user of the session may not read or write there.",
  FileNoSpace: "The disk of the target has no room. Nothing half-written is left.",
  FileChanged: "The file changed while it was copied.",
  FileCorrupt: "The bytes that came are not those that were sent, by their SHA-256.",
  FileBroken: "The disk gave an error for this file.",
  PortRefused: "Nobody listens at this port.",
  PortUnreachable: "There is no way to this host from inside the sandbox.",
  PortTimeout: "Nobody answered at this port in time.",
  PortReset: "What listens at this port cut the connection.",
  PortTaken: "Something else listens at this port.",
  Internal: "The hub failed in a way that it does not know. What it was is in its log.",
};
