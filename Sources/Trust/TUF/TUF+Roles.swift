package import GridModel
package import StrictJSON

extension TUF {
    /// Who signs for the four top-level roles.
    package struct Root: Content {
        package static let type = "root"
        package let header: Header
        package let root: Signers
        package let timestamp: Signers
        package let snapshot: Signers
        package let targets: Signers
        /// Files are served with their versions in their names.
        package let isConsistent: Bool

        package init(_ signed: JSONElement) throws {
            header = try Header(signed)
            let keys = try TUF.keys(try signed.required("keys"))
            let roles = try signed.required("roles")
            func signers(_ role: String) throws -> Signers { try Signers(try roles.required(role), among: keys) }
            root = try signers("root")
            timestamp = try signers("timestamp")
            snapshot = try signers("snapshot")
            targets = try signers("targets")
            isConsistent = try signed.member("consistent_snapshot")?.bool() ?? false
        }
    }

    /// Which snapshot is the newest.
    package struct TimestampRole: Content {
        package static let type = "timestamp"
        package let header: Header
        package let snapshot: MetadataFile

        package init(_ signed: JSONElement) throws {
            header = try Header(signed)
            snapshot = try MetadataFile(try signed.required("meta").required("snapshot.json"))
        }
    }

    /// Which version of each targets role belongs to one another.
    package struct Snapshot: Content {
        package static let type = "snapshot"
        package let header: Header
        /// By role: `targets`, `lhc`.
        package let files: [String: MetadataFile]

        package init(_ signed: JSONElement) throws {
            header = try Header(signed)
            files = try signed.required("meta").members().reduce(into: [:]) { files, member in
                guard member.key.hasSuffix(".json") else {
                    throw member.value.refusal("expected the name of a .json file")
                }
                files[String(member.key.dropLast(5))] = try MetadataFile(member.value)
            }
        }
    }

    /// A metadata file that another one names.
    package struct MetadataFile: Sendable {
        package let version: Int64
        package let length: Int64?
        let hashes: FileHashes?

        init(_ element: JSONElement) throws {
            let number = try element.required("version")
            version = try number.integer()
            guard 1...Limit.version ~= version else {
                throw number.refusal("a version begins with 1, and ends at 2^53")
            }
            length = try element.member("length").map { try TUF.length($0) }
            hashes = try element.member("hashes").map { try FileHashes($0) }
        }

        /// Refuses bytes of another length or content than is said here.
        func check(_ bytes: [UInt8], source: String) throws {
            if let length, length != bytes.count {
                throw TrustError(
                    .wrongContent, "\(source): \(bytes.count) bytes, where \(length) were announced; synchronise again")
            }
            if let hashes, !hashes.areOf(bytes) {
                throw TrustError(
                    .wrongContent, "\(source): its content is not the one that was announced; synchronise again")
            }
        }
    }

    static func length(_ element: JSONElement) throws -> Int64 {
        let length = try element.integer()
        guard 0...(1 << 50) ~= length else { throw element.refusal("a length from 0 on") }
        return length
    }
}

extension TUF.Content {
    /// Of any role: its own part of the metadata that is the same everywhere.
    package var version: Int64 { header.version }
    package var expires: Timestamp { header.expires }
}
