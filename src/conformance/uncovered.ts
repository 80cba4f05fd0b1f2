/** Methods of the SDK that no check calls, each with the reason. */
export const uncovered: Readonly<Record<string, string>> = {
  "Daytona._experimental_fork": "the old name of fork",
  "Daytona.fork": "calls Sandbox.fork, which is checked",
  "Git.dangerouslyAuthenticate": "writes a credential, and needs a host that takes one",
  "Process.getEntrypointLogs": "called only where the sandbox has an entrypoint",
  "Process.getEntrypointSession": "called only where the sandbox has an entrypoint",
  "Sandbox._experimental_createSnapshot": "the old name of createSnapshot",
  "Sandbox._experimental_fork": "the old name of fork",
  "Sandbox.createLspServer": "a handful of verbs for two languages; language servers are tunnelled",
  "Sandbox.getMetrics": "history comes from an analytics service beside the platform",
  "Sandbox.getUserRootDir": "the old name of getUserHomeDir",
  "Sandbox.recover": "needs a sandbox in error, which no client can make; its refusal is checked",
  "Sandbox.revokeSshAccess": "called only where access by SSH is offered",
  "Sandbox.updateSecrets": "needs a secret of the organisation",
  "Sandbox.validateSshAccess": "called only where access by SSH is offered",
};
