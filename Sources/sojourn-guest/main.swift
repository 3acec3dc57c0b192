import System

// Pid 1 of a machine. As `stage-in` and `stage-out` it is also the child of itself that handles the staging disks with
// the payload's rights.
switch CommandLine.arguments.dropFirst().first {
case "stage-in": Staging.runStageIn()
case "stage-out": Staging.runStageOut(patterns: Array(CommandLine.arguments.dropFirst(2)))
default: Agent.runAsInit()
}
