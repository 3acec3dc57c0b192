package import ArgumentParser

package struct ImageCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Build, list, check and move images.",
        subcommands: [
            ImageBuildCommand.self, ImageListCommand.self, ImageShowCommand.self, ImageDiffCommand.self,
            ImageVerifyCommand.self, ImageRebuildCommand.self, ImagePushCommand.self,
            ImageRemoveCommand.self, ImageGarbageCommand.self,
            ImageExportCommand.self, ImageImportCommand.self, ImagePullCommand.self, ImageServeCommand.self,
            ImageScrubCommand.self,
            ImageStepCommand.self,
        ])

    package init() {}
}
