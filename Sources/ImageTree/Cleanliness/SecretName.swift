import ImageFormat

/// Secrets that their names tell.
enum SecretName {
    /// What it is; nil where the name is that of no secret, or the content has none.
    static func kind(of path: String, content: [UInt8]) -> String? {
        let name = path.utf8.split(separator: UInt8(ascii: "/")).last.map { String(Substring($0)) } ?? path
        func holds(_ word: String) -> Bool { ByteSearch(word).firstIndex(in: content) != nil }
        switch name {
        case ".netrc": return holds("password") ? "passwords for servers" : nil
        case ".git-credentials": return "passwords for git"
        case ".pypirc": return holds("password") ? "a password for a package index" : nil
        case ".npmrc": return holds("_authToken") || holds("_password") ? "a token for a package registry" : nil
        case "krb5.keytab": return "Kerberos keys of one machine"
        default: break
        }
        if isIn(path, "/.aws/credentials") { return "keys of a cloud account" }
        if isIn(path, "/.docker/config.json") || isIn(path, "/containers/auth.json") {
            return holds("\"auth\"") || holds("\"identitytoken\"") ? "passwords for container registries" : nil
        }
        if path.hasPrefix("etc/ssh/ssh_host_") && path.hasSuffix("_key") { return "the private SSH key of one machine" }
        if name.hasPrefix("x509up_") { return "a grid proxy" }
        if name.hasPrefix("krb5cc_") { return "Kerberos tickets" }
        // WLCG Bearer Token Discovery: /tmp/bt_u$ID.
        if name.hasPrefix("bt_u"), name.utf8.count > 4, name.utf8.dropFirst(4).allSatisfy({ (48...57).contains($0) }) {
            return "a bearer token"
        }
        return [".jks", ".jceks", ".keystore", ".p12", ".pfx"].contains(where: name.hasSuffix) ? "a store of keys" : nil
    }

    private static func isIn(_ path: String, _ suffix: String) -> Bool { "/\(path)".hasSuffix(suffix) }
}
