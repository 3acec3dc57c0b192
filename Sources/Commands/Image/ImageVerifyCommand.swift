import ArgumentParser
import ImageStore

struct ImageVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Compare every blob with its digest.",
        discussion: "Names each damaged or missing blob and exits with 1 if there are any.")

    @Argument(help: "An environment, a digest, or at least 8 digits of one; by default all images and kernels.")
    var reference: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var home: HomeOptions

    func run() throws {
        let result = try home.store().verify(reference)
        let answer = Answer(sound: result.sound, faults: result.faults.map(\.description))
        try answer.show(asJSON: json)
        if !result.faults.isEmpty { throw ExitCode(1) }
    }

    private struct Answer: Shown {
        let sound: Int
        let faults: [String]

        func printForPeople() {
            for fault in faults { Report.error(fault) }
            print("blobs: \(sound) sound, \(faults.count) not")
        }
    }
}
