import ArgumentParser
import ImageStore

struct ImageVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Compare every blob with its digest.",
        discussion: "Names each damaged or missing blob and exits with 1 if there are any.")

    @Argument(help: "An environment, a digest, or at least 8 digits of one; by default all images and kernels.")
    var reference: String?

    @OptionGroup var home: HomeOptions

    func run() throws {
        let result = try home.store().verify(reference)
        for fault in result.faults { Report.error("\(fault)") }
        print("\(result.sound) blobs are sound, \(result.faults.count) are not")
        if !result.faults.isEmpty { throw ExitCode(1) }
    }
}
