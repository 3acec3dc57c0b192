import ArgumentParser
import Glibc
import ImageFactory
import ImageFormat
import ImageStore
import Linux

/// What a build asks of this program within its namespaces, and what `make bench` measures alone; nothing for people.
struct ImageStepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "step", shouldDisplay: false)

    enum Step: String, ExpressibleByArgument { case restore, assemble, hash, verity }

    @Argument var step: Step
    @Argument var files: [String] = []

    func validate() throws {
        let wanted = [Step.hash: 1, .verity: 2][step] ?? 0
        guard files.count == wanted else { throw ValidationError("'\(step.rawValue)' takes \(wanted) files") }
    }

    func run() throws {
        switch step {
        case .restore: try BuildStep.restore()
        case .assemble: try BuildStep.assemble()
        case .hash: print(try BlobHash.digest(ofFile: files[0]))
        case .verity:
            let data = try Descriptor.open(files[0], O_RDONLY)
            let output = try Descriptor.open(files[1], O_RDWR | O_CREAT | O_EXCL)
            try withExtendedLifetime((data, output)) {
                let format = VerityFormat(uuid: StableUUID(name: "bench"))
                let root = try VerityTree.write(
                    of: data.raw, size: try data.size(), to: output.raw, format: format, cores: 1)
                print(root.rootHash)
            }
        }
    }
}
