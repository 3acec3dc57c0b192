package import ArgumentParser

package struct KeyCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Make and list the keys that sign.",
        subcommands: [KeyCreateCommand.self, KeyListCommand.self, KeyShowCommand.self])

    package init() {}
}
