import ArgumentParser
import GridModel
import ImageStore

struct ImageRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove an image or a kernel, and the blobs that no other one has.")

    @Argument(help: "An environment, a kernel's name, a digest, or at least 8 digits of one.")
    var reference: String

    @OptionGroup var home: HomeOptions

    func run() throws {
        let store = try home.store()
        let digest = try store.digest(of: reference)
        let freed = try store.remove(digest)
        Report.line("freed \(ByteCount(freed).rounded)")
        print(digest)
    }
}
