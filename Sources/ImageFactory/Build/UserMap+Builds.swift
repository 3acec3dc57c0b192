import Linux

extension UserMap {
    /// Who is root of a build, and who its 65535 others are: for root, numbers that nobody has; for an ordinary user, the
    /// user and its subordinate users (subuid(5)).
    static func forBuilds() throws -> UserMap {
        if Host.effectiveUser == 0 { return .forRoot }
        let account = Account.current
        let helper = try Tool.newuidmap.find()
        func ranges(_ path: String, own number: UInt32) throws -> [Range] {
            let text = String(decoding: try Files.read(path, limit: 1 << 20), as: UTF8.self)
            for line in text.split(separator: "\n") {
                let parts = line.split(separator: ":", omittingEmptySubsequences: false)
                guard parts.count == 3, parts[0] == account.name || parts[0] == "\(account.uid)",
                    let first = UInt32(parts[1]), let count = UInt32(parts[2]), count >= 65535
                else { continue }
                return [
                    Range(inside: 0, outside: number, count: 1), Range(inside: 1, outside: first, count: 65535),
                ]
            }
            throw ImageFactoryError(
                .missingTool,
                "\(path) gives \(account.name) no range of 65535 subordinate users, which builds need; as root: "
                    + "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 \(account.name)")
        }
        return UserMap(
            users: try ranges("/etc/subuid", own: account.uid), groups: try ranges("/etc/subgid", own: account.gid),
            helpers: Files.parent(of: helper))
    }
}
