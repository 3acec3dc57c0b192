import Linux

/// Which directories of the host a machine may see, and where.
package enum ShareRules {
    /// Of the system, or of the guest's own: shared there, they would hide the environment that the job asked for.
    private static let systemDirectories = [
        "/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run", "/sbin", "/sys",
        "/usr", "/var",
    ]

    /// Nothing below these is ever shared: it is the kernel's.
    private static let kernelDirectories = ["/dev", "/proc", "/sys"]

    /// The current directory, at its own path; not one of the host's system, which would take the image's place unasked.
    package static func current() throws -> MachineSpecification.Share {
        guard let path = Files.canonical(".") else {
            throw MachineError(.invalidShare, "the current directory is gone: change to one that is there")
        }
        let exempt = ["/var", "/run", "/"]
        for system in systemDirectories where !exempt.contains(system) && path.hasPrefix(system + "/") {
            throw refusal(path)
        }
        return try share(source: path, destination: path, readOnly: false)
    }

    /// `SRC:DST[:ro|:rw]`, or `SRC` alone for the same path.
    package static func parse(_ text: String) throws -> MachineSpecification.Share {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        func refuse(_ what: String) -> MachineError {
            MachineError(
                .invalidShare, "--bind \(text): \(what); expected SRC:DST or SRC:DST:ro, with DST an absolute path")
        }
        guard (1...3).contains(parts.count), !parts[0].isEmpty else { throw refuse("it is not of that form") }
        guard parts.count < 3 || ["ro", "rw"].contains(parts[2]) else {
            throw refuse("'\(parts[2])' is neither ro nor rw")
        }
        guard let source = Files.canonical(parts[0]) else { throw refuse("there is no \(parts[0]) on this host") }
        let destination = parts.count > 1 ? parts[1] : source
        guard destination.hasPrefix("/"), !destination.split(separator: "/").contains("..") else {
            throw refuse("'\(destination)' is not an absolute path without '..'")
        }
        return try share(source: source, destination: destination, readOnly: parts.count == 3 && parts[2] == "ro")
    }

    private static func share(
        source: String, destination: String, readOnly: Bool
    ) throws -> MachineSpecification.Share {
        let trimmed = "/" + destination.split(separator: "/").joined(separator: "/")
        guard !systemDirectories.contains(trimmed), !kernelDirectories.contains(where: { trimmed.hasPrefix($0 + "/") })
        else { throw refusal(trimmed) }
        return .init(source: source, destination: trimmed, readOnly: readOnly, isFile: !Files.isDirectory(source))
    }

    private static func refusal(_ path: String) -> MachineError {
        MachineError(
            .invalidShare,
            "\(path) belongs to the machine's own system and cannot be a shared directory: "
                + "change to a directory of your own, bind to another path, or use --isolated")
    }

    /// In the order in which they are mounted: a directory before what lies in it.
    package static func ordered(_ shares: [MachineSpecification.Share]) throws -> [MachineSpecification.Share] {
        let sorted = shares.sorted { $0.destination < $1.destination }
        for (one, next) in zip(sorted, sorted.dropFirst()) where one.destination == next.destination {
            throw MachineError(.invalidShare, "two directories cannot both be shared at \(one.destination)")
        }
        for (index, inner) in sorted.enumerated() {
            for outer in sorted.prefix(index)
            where inner.destination.hasPrefix(outer.destination + "/") && !outer.isFile {
                let place = outer.source + inner.destination.dropFirst(outer.destination.count)
                guard Files.exists(place) else {
                    throw MachineError(
                        .invalidShare,
                        "\(inner.destination) lies in the shared \(outer.destination) and is not there: make it first (\(place))"
                    )
                }
            }
        }
        return sorted
    }
}
