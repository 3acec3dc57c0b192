import Linux

// Pid 1 of a machine. As `stage-in` and `stage-out` it is also the child of itself that handles the staging disks with
// the payload's rights, as `features` the one that tells of the machine over HTTP.
switch CommandLine.arguments.dropFirst().first {
case "stage-in": Staging.runStageIn()
case "features": FeatureServer.run()
case "stage-out": Staging.runStageOut(patterns: Array(CommandLine.arguments.dropFirst(2)))
default: Agent.runAsInit()
}
