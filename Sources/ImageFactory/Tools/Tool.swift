import Linux

/// A program of the host that builds need, and the Debian package that has it.
struct Tool: Sendable {
    let name: String
    let package: String
    /// Where it is looked for; nil for PATH.
    var directories: [String]?

    static let apt = Tool(name: "apt-get", package: "apt")
    static let aptCache = Tool(name: "apt-cache", package: "apt")
    static let aptConfig = Tool(name: "apt-config", package: "apt")
    static let copy = Tool(name: "cp", package: "coreutils")
    static let diskUsage = Tool(name: "du", package: "coreutils")
    static let dpkgDeb = Tool(name: "dpkg-deb", package: "dpkg")
    static let fsckErofs = Tool(name: "fsck.erofs", package: "erofs-utils")
    static let install = Tool(name: "install", package: "coreutils")
    static let mkfsErofs = Tool(name: "mkfs.erofs", package: "erofs-utils")
    static let mmdebstrap = Tool(name: "mmdebstrap", package: "mmdebstrap")
    static let newuidmap = Tool(name: "newuidmap", package: "uidmap")
    static let python = Tool(name: "python3", package: "python3")
    static let shell = Tool(name: "sh", package: "dash")
    static let skopeo = Tool(name: "skopeo", package: "skopeo")
    static let tar = Tool(name: "tar", package: "tar")
    static let umoci = Tool(name: "umoci", package: "umoci")
    static let unxz = Tool(name: "xz", package: "xz-utils")
    static let unzstd = Tool(name: "zstd", package: "zstd")

    /// Where it is, by PATH; the system directories are searched in any case, for ordinary users often lack them.
    func find() throws -> String {
        let directories =
            self.directories ?? (Host.variable("PATH") ?? "").split(separator: ":").map(String.init)
            + ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        guard let directory = directories.first(where: { $0.hasPrefix("/") && Files.isExecutable("\($0)/\(name)") })
        else {
            throw ImageFactoryError(
                .missingTool, "the program \(name) is not installed; install it: apt-get install \(package)")
        }
        return "\(directory)/\(name)"
    }
}
