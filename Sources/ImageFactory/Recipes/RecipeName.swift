import GridModel

/// Names that recipes use.
enum RecipeName {
    static func environment(_ text: String) throws -> Environment {
        let environment = try Environment(parsing: text)
        guard environment.description == text else {
            throw refusal(text, "is short for '\(environment)'; a recipe gives the whole name")
        }
        return environment
    }

    /// Debian Policy 5.6.1.
    static func package(_ text: String) throws -> String {
        let isName =
            (2...128).contains(text.utf8.count) && text.utf8.first.map(isSmallLetterOrDigit) == true
            && text.utf8.allSatisfy { isSmallLetterOrDigit($0) || "+-.".utf8.contains($0) }
        guard isName else {
            throw refusal(
                text,
                "is no name of a Debian package; write small letters, digits and '+-.' alone: the lock fixes versions")
        }
        return text
    }

    static func kernel(_ text: String) throws -> String {
        guard Environment.isName(text), text.hasPrefix("kernel-"), text != "kernel-" else {
            throw refusal(text, "is no name of a kernel; expected for example kernel-debian12")
        }
        return text
    }

    static func suite(_ text: String) throws -> String {
        guard Environment.isName(text) else {
            throw refusal(text, "is no name of a suite; expected for example bookworm")
        }
        return text
    }

    static func component(_ text: String) throws -> String {
        guard Environment.isName(text) else {
            throw refusal(text, "is no component of the archive; expected for example main")
        }
        return text
    }

    static func module(_ text: String) throws -> String {
        guard Environment.isName(text) else {
            throw refusal(text, "is no name of a kernel module; expected for example virtio_blk")
        }
        return text
    }

    /// IEEE Std 1003.1, 8.1.
    static func isVariable(_ text: String) -> Bool {
        !(48...57).contains(text.utf8.first ?? 48)
            && text.utf8.allSatisfy { isSmallLetterOrDigit($0) || (65...90).contains($0) || $0 == 95 }
    }

    /// What `skopeo` copies from: `oci:DIRECTORY[:TAG]` or `docker://NAME[:TAG]`, `docker://NAME@DIGEST`
    /// (containers-transports(5)).
    static func container(_ text: String) throws -> String {
        if text.hasPrefix("oci:") {
            let parts = text.dropFirst(4).split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            if !parts[0].isEmpty, parts.count == 1 || isTag(parts[1]) { return try RecipePath.onHost(text) }
        }
        if text.hasPrefix("docker://"), isImageName(text.dropFirst(9)) { return text }
        throw refusal(
            text,
            "is no container image; write oci:DIRECTORY:TAG for an OCI layout, or docker://NAME:TAG or "
                + "docker://NAME@sha256:… for one of a registry")
    }

    /// Of an OCI layout: `org.opencontainers.image.ref.name` (OCI image-spec, annotations), which begins with no sign.
    private static func isTag(_ text: Substring) -> Bool {
        text.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._:@\/+-]{0,254}/) != nil
    }

    /// `HOST:PORT/PATH:TAG` (OCI distribution-spec, "Pulling manifests").
    private static func isImageName(_ text: Substring) -> Bool {
        let form =
            #/
            ([A-Za-z0-9.-]+(:[0-9]+)?/)?
            [a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*
            (:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})?
            /#
        return text.utf8.count <= 512 && text.wholeMatch(of: form) != nil
    }

    private static func isSmallLetterOrDigit(_ byte: UInt8) -> Bool {
        (97...122).contains(byte) || (48...57).contains(byte)
    }

    private static func refusal(_ text: String, _ reason: String) -> ImageFactoryError {
        ImageFactoryError(.invalidRecipe, "'\(text.prefix(200))' \(reason)")
    }
}
