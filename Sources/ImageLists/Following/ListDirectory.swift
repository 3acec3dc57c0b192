import GridModel
import Linux
import StrictJSON

/// What is kept of a subscription: the list as it was served, and the highest version seen.
///
/// The list is replaced first. Whoever is killed between the two leaves a list that is newer than the state, never an
/// older one, which would be refused as put back.
struct ListDirectory {
    let path: String

    private var listFile: String { "\(path)/list.eml" }
    private var stateFile: String { "\(path)/state.json" }

    /// Waits for others who change the directory; makes it if need be. The lock goes with its last reference.
    func lock() throws -> FileLock {
        try Files.makeDirectories(path)
        let lock = try FileLock.wait("\(path)/lock")
        // What killed ones left.
        for name in try Files.list(path) where name.hasSuffix(".tmp") { try Files.remove("\(path)/\(name)") }
        return lock
    }

    /// The list as it was served; nil where none was accepted yet.
    func list() throws -> [UInt8]? { try contents(of: listFile, limit: SignedList.byteLimit) }

    func seen() throws -> SeenVersion? {
        guard let bytes = try contents(of: stateFile, limit: 64 << 10) else { return nil }
        do { return try StrictJSON.decode(SeenVersion.self, from: bytes, source: stateFile) } catch {
            throw ImageListError(
                .unusableState,
                "the file says which version of the list was accepted, and cannot be understood; restore it, or remove "
                    + "it if the list beside it is the newest", underlying: error)
        }
    }

    func keep(_ served: [UInt8], _ seen: SeenVersion) throws {
        try Files.write(served, to: listFile)
        try Files.write(try StrictJSON.encode(seen, pretty: true), to: stateFile)
    }

    private func contents(of file: String, limit: Int) throws -> [UInt8]? {
        do { return try Files.read(file, limit: limit) } catch let error as SystemError where error.isMissing {
            return nil
        } catch {
            throw ImageListError(.unusableState, "what is kept of an image list cannot be read", underlying: error)
        }
    }
}
