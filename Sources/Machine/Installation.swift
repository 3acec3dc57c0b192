import Linux

/// Where this program's parts are: `PREFIX/bin/sojourn`, `PREFIX/libexec/sojourn/sojourn-guest`, `PREFIX/share/sojourn`.
package struct Installation: Sendable {
    package let executable: String
    package let prefix: String

    package static func current() throws -> Installation {
        let executable = try Host.ownExecutable()
        return Installation(executable: executable, prefix: Files.parent(of: Files.parent(of: executable)))
    }

    package var guest: String { "\(prefix)/libexec/sojourn/sojourn-guest" }
    package var recipes: String { "\(prefix)/share/sojourn/recipes" }

    package func requireGuest() throws -> String {
        guard Files.exists(guest) else {
            throw MachineError(
                .guestMissing,
                "\(guest) is missing: this sojourn is not installed whole; run 'make install PREFIX=DIR' again")
        }
        return guest
    }
}
