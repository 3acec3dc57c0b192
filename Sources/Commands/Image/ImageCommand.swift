package import ArgumentParser

package struct ImageCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Build, list and check images.",
        subcommands: [
            ImageBuildCommand.self, ImageListCommand.self, ImageShowCommand.self, ImageVerifyCommand.self,
            ImageRemoveCommand.self,
        ])

    package init() {}
}
