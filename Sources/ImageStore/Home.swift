import Linux
import StrictJSON

/// The directory that holds everything durable of one user: images, inputs, machines, keys. It may be copied: nothing in it
/// names an absolute path.
package struct Home: Sendable {
    package static let version = 1

    /// Absolute, without links.
    package let path: String

    package var images: String { "\(path)/images" }
    /// What builds fetched, by digest.
    package var inputs: String { "\(path)/inputs" }
    /// Where they are, each named as its digest's digits.
    package var inputBlobs: String { "\(inputs)/sha256" }
    /// The lock that each recipe was last built with.
    package var locks: String { "\(path)/locks" }
    package var machines: String { "\(path)/machines" }
    package var keys: String { "\(path)/keys" }
    /// Work in progress, logs and locks: may be removed while nothing runs.
    package var cache: String { "\(path)/cache" }
    /// Held while a build makes its directory, and by whoever must be sure that none does.
    package var sweepLock: String { "\(cache)/sweep.lock" }

    private struct VersionFile: Codable { var version: Int }

    /// Opens the home at `path`, making it on first use.
    package init(at path: String) throws {
        do {
            try Files.makeDirectories(path, mode: 0o700)
        } catch {
            throw ImageStoreError(
                .unusableHome, "cannot make the home \(path); give another one with --home or SOJOURN_HOME",
                underlying: error)
        }
        guard let canonical = Files.canonical(path) else { throw SystemError.last("find the home \(path)") }
        try Self.refuseStranger(canonical)
        self.path = canonical
        let file = "\(canonical)/home.json"
        if Files.exists(file) {
            let found = try StrictJSON.decode(VersionFile.self, from: try Files.read(file, limit: 4096), source: file)
            guard found.version <= Self.version else {
                throw ImageStoreError(
                    .newerHome,
                    "the home \(canonical) has version \(found.version), this program knows \(Self.version); "
                        + "upgrade sojourn or give another home with --home")
            }
        }
        for directory in [images, inputs, machines, keys, cache] { try Files.makeDirectories(directory, mode: 0o700) }
        if !Files.exists(file) {
            try Files.write(
                try StrictJSON.encode(VersionFile(version: Self.version), pretty: true), to: file, mode: 0o600)
        }
    }

    /// What another user can change is no home: not its images, nor its keys, nor where its files point to.
    private static func refuseStranger(_ path: String) throws {
        let status = try FileStatus(path)
        guard status.uid == Host.effectiveUser, status.mode & 0o002 == 0 else {
            let whose =
                status.uid == Host.effectiveUser ? "may be written by everybody" : "belongs to user \(status.uid)"
            throw ImageStoreError(
                .unusableHome, "the home \(path) \(whose); give one of your own with --home or SOJOURN_HOME")
        }
    }

    /// Where the home is: `flag` over `SOJOURN_HOME` over the XDG base directories' data home.
    package static func locate(flag: String?, variable: (String) -> String? = Host.variable) throws -> String {
        if let flag { return flag }
        if let path = variable("SOJOURN_HOME") { return path }
        // XDG Base Directory Specification 0.8: relative paths in the variable are invalid and ignored.
        if let data = variable("XDG_DATA_HOME"), data.hasPrefix("/") { return "\(data)/sojourn" }
        if let user = variable("HOME") { return "\(user)/.local/share/sojourn" }
        throw ImageStoreError(
            .unusableHome, "no home for images and machines: HOME is not set; give --home or SOJOURN_HOME")
    }
}
