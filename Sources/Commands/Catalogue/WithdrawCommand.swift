import ArgumentParser
import Distribution
import GridModel
import ImageStore

struct WithdrawCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "withdraw", abstract: "Draft the end of an endorsement.",
        discussion: """
            Sites refuse the image once the draft is signed and published. That it was withdrawn, and why, stays in the \
            catalogue for ever.
            """)

    @Argument(help: "A digest, or at least 8 digits of one; an environment or kernel that is endorsed once.")
    var reference: String

    @Option(name: .customLong("as"), help: ArgumentHelp("What it is endorsed as.", valueName: "environment"))
    var name: String?

    @Option(help: ArgumentHelp("The reason, for whoever runs the image.", valueName: "text"))
    var because: String

    @OptionGroup var options: DraftOptions

    func run() throws {
        try options.make(try options.home.open()) { drafting, _ in
            let entry = try drafting.endorsement(of: reference, as: name)
            return [try drafting.withdraw(entry.name, entry.digest, because: because)]
        }
    }
}
