/// What the site adds at start, never touching the image: user, shares, environment, payload.
package struct GuestContext: Equatable, Sendable {
    package var hostname: String
    package var user: User
    /// Shared directories, in the order in which they are mounted.
    package var shares: [Share]
    /// Files staged for an isolated payload: nil where the directory is shared instead.
    package var staging: Staging?
    /// `K=V`, complete.
    package var environment: [String]
    /// The command and its arguments; not empty.
    package var command: [String]
    package var directory: String
    package var terminal: Window?
    /// Nanoseconds since 1970: the guest's clock is set to it.
    package var realtimeNanoseconds: UInt64
    package var heartbeatSeconds: UInt16
    /// What the payload may read of its machine, below `/run/sojourn`.
    package var documents: [GuestDocument] = []
    /// Anonymous and shared memory of the payload's processes; 0: whatever the machine has.
    package var memoryLimitBytes: UInt64 = 0
    /// Of the disk `swap`; 0 where there is none.
    package var swapLimitBytes: UInt64 = 0
    /// The machine has a network card, with QEMU's user network behind it.
    package var hasOutgoingNetwork = false

    package struct User: Equatable, Sendable {
        package var uid: UInt32
        package var gid: UInt32
        package var name: String
        package var home: String
        package var groups: [Group]

        package init(uid: UInt32, gid: UInt32, name: String, home: String, groups: [Group]) {
            self.uid = uid
            self.gid = gid
            self.name = name
            self.home = home
            self.groups = groups
        }
    }

    /// A group of the user, its primary one included.
    package struct Group: Equatable, Sendable {
        package var gid: UInt32
        package var name: String

        package init(gid: UInt32, name: String) {
            self.gid = gid
            self.name = name
        }
    }

    package struct Share: Equatable, Sendable {
        /// The virtiofs tag.
        package var tag: String
        /// What is mounted of it: empty for the share itself, else the name of one file in it.
        package var file: String
        /// Where, in the guest.
        package var path: String
        package var readOnly: Bool

        package init(tag: String, file: String, path: String, readOnly: Bool) {
            self.tag = tag
            self.file = file
            self.path = path
            self.readOnly = readOnly
        }
    }

    /// Inputs come as a tar on the disk `stage-in`, outputs leave as a tar on the disk `stage-out`.
    package struct Staging: Equatable, Sendable {
        package var hasInputs: Bool
        /// Names relative to the payload's directory, with `*`, `?` and `[…]`.
        package var outputs: [String]

        package init(hasInputs: Bool, outputs: [String]) {
            self.hasInputs = hasInputs
            self.outputs = outputs
        }
    }

    package struct Window: Equatable, Sendable {
        package var columns: UInt16
        package var rows: UInt16

        package init(columns: UInt16, rows: UInt16) {
            self.columns = columns
            self.rows = rows
        }
    }

    package init(
        hostname: String, user: User, shares: [Share], staging: Staging?, environment: [String], command: [String],
        directory: String, terminal: Window?, realtimeNanoseconds: UInt64, heartbeatSeconds: UInt16
    ) {
        self.hostname = hostname
        self.user = user
        self.shares = shares
        self.staging = staging
        self.environment = environment
        self.command = command
        self.directory = directory
        self.terminal = terminal
        self.realtimeNanoseconds = realtimeNanoseconds
        self.heartbeatSeconds = heartbeatSeconds
    }

    /// The size of its frame's body.
    package var encodedBytes: Int {
        var writer = WireWriter()
        write(to: &writer)
        return writer.bytes.count
    }

    func write(to writer: inout WireWriter) {
        writer.put(hostname)
        writer.put(user.uid)
        writer.put(user.gid)
        writer.put(user.name)
        writer.put(user.home)
        writer.put(user.groups) {
            $0.put($1.gid)
            $0.put($1.name)
        }
        writer.put(shares) {
            $0.put($1.tag)
            $0.put($1.file)
            $0.put($1.path)
            $0.put($1.readOnly)
        }
        writer.put(optional: staging) {
            $0.put($1.hasInputs)
            $0.put($1.outputs) { $0.put($1) }
        }
        writer.put(environment) { $0.put($1) }
        writer.put(command) { $0.put($1) }
        writer.put(directory)
        writer.put(optional: terminal) {
            $0.put($1.columns)
            $0.put($1.rows)
        }
        writer.put(realtimeNanoseconds)
        writer.put(heartbeatSeconds)
        writer.put(documents) {
            $1.write(to: &$0)
        }
        writer.put(memoryLimitBytes)
        writer.put(swapLimitBytes)
        writer.put(hasOutgoingNetwork)
    }

    init(_ reader: inout WireReader) throws {
        hostname = try reader.text("hostname")
        user = User(
            uid: try reader.integer("uid"), gid: try reader.integer("gid"), name: try reader.text("user name"),
            home: try reader.text("home"),
            groups: try reader.list("groups") { Group(gid: try $0.integer("gid"), name: try $0.text("group name")) })
        shares = try reader.list("shares") {
            Share(
                tag: try $0.text("tag"), file: try $0.text("file"), path: try $0.text("path"),
                readOnly: try $0.boolean("read only"))
        }
        staging = try reader.optional("staging") {
            Staging(hasInputs: try $0.boolean("inputs"), outputs: try $0.list("outputs") { try $0.text("output") })
        }
        environment = try reader.list("environment") { try $0.text("variable") }
        command = try reader.list("command") { try $0.text("argument") }
        guard !command.isEmpty else { throw ProtocolError(.malformed, "the context holds no command") }
        directory = try reader.text("directory")
        terminal = try reader.optional("terminal") {
            Window(columns: try $0.integer("columns"), rows: try $0.integer("rows"))
        }
        realtimeNanoseconds = try reader.integer("time")
        heartbeatSeconds = try reader.integer("heartbeat")
        documents = try reader.list("documents") { try GuestDocument(&$0) }
        memoryLimitBytes = try reader.integer("memory limit")
        swapLimitBytes = try reader.integer("swap limit")
        hasOutgoingNetwork = try reader.boolean("outgoing network")
    }
}
