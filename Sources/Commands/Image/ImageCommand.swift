package import ArgumentParser

package struct ImageCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Build, list, check and move images.",
        subcommands: [
            ImageBuildCommand.self, ImageListCommand.self, ImageShowCommand.self, ImageDiffCommand.self,
            ImageVerifyCommand.self, ImageScrubCommand.self, ImageRebuildCommand.self, ImagePullCommand.self,
            ImagePushCommand.self, ImageExportCommand.self, ImageImportCommand.self, ImageServeCommand.self,
            ImageRemoveCommand.self, ImageGarbageCommand.self, ImageStepCommand.self,
        ])

    package init() {}
}
