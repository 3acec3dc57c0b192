import Archive

/// The rule for a kernel's modules, which are unpacked into the root of the guest before pid 1 runs.
package enum KernelModules {
    /// Reads a whole cpio archive and refuses what is no directory or regular file under `lib/modules/`. `source` hands out
    /// at most as many bytes as it is asked for, and none at the end.
    package static func check(_ source: @escaping (_ count: Int) throws -> [UInt8]) throws {
        do { _ = try ModulesArchive(checking: source) } catch let error as ArchiveError {
            throw ImageFormatError(.unsuitableData, "the modules of a kernel are refused", underlying: error)
        }
    }
}
