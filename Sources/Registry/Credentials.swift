import Linux
import StrictJSON

/// What `skopeo login` keeps: a name and a password for registries, as Base64 (containers-auth.json(5)).
struct Credentials {
    private let environment: [String: String]
    private static let limit = 1 << 20

    init(environment: [String: String]) { self.environment = environment }

    /// For the header Authorization; nil where there is none for this repository.
    func basic(for reference: RegistryReference) throws -> String? {
        for path in paths where Files.exists(path) {
            let bytes = try Files.read(path, limit: Self.limit)
            let file: JSONValue
            do { file = try StrictJSON.decode(JSONValue.self, from: bytes, source: path) } catch {
                throw RegistryError(.refused, "\(path) cannot be read; make it anew: skopeo login", underlying: error)
            }
            for name in Self.names(of: reference) {
                guard let text = file["auths"]?[name]?["auth"]?.string, !text.isEmpty else { continue }
                return text
            }
        }
        return nil
    }

    /// The first of them that has an entry counts.
    private var paths: [String] {
        if let file = environment["REGISTRY_AUTH_FILE"], !file.isEmpty { return [file] }
        let home = environment["HOME"] ?? "/nonexistent"
        let runtime =
            environment["XDG_RUNTIME_DIR"].map { "\($0)/containers" } ?? "/run/containers/\(Host.effectiveUser)"
        let settings = environment["XDG_CONFIG_HOME"] ?? "\(home)/.config"
        let docker = environment["DOCKER_CONFIG"] ?? "\(home)/.docker"
        return ["\(runtime)/auth.json", "\(settings)/containers/auth.json", "\(docker)/config.json"]
    }

    /// The most exact first: the repository, what it lies in, the host.
    private static func names(of reference: RegistryReference) -> [String] {
        var parts = "\(reference.host)/\(reference.repository)".split(separator: "/")
        var names: [String] = []
        while !parts.isEmpty {
            names.append(parts.joined(separator: "/"))
            parts.removeLast()
        }
        return names
    }
}
