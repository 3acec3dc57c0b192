import Foundation
import Testing

/// Build scripts as somebody might write them who wants to get out, or to take all that the host has.
@Suite struct FactoryHostileTests {
    /// Whoever builds.
    enum Builder: CaseIterable {
        case root, user

        func workshop() throws -> Workshop {
            switch self {
            case .root: try Workshop()
            case .user: try Workshop(try OrdinaryUser.shared.get())
            }
        }
    }

    private static let name = "test/hostile:1@debian12"

    /// A recipe of one script, its lines indented as YAML wants them.
    private func recipe(_ workshop: Workshop, _ script: String, also text: String = "") throws -> String {
        let lines = script.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
        return try workshop.recipe(Self.name, "\(text)\nbuild:\n  - |\n\(lines)")
    }

    /// A file of the host that everybody may read and write, where no script may come.
    private func marker(_ workshop: Workshop) throws -> String {
        try workshop.place.write("the host's", to: "marker")
        chmod(workshop.path("marker"), 0o666)
        return workshop.path("marker")
    }

    @Test(arguments: Builder.allCases)
    func aScriptSeesNothingOfTheHost(_ builder: Builder) throws {
        let workshop = try builder.workshop()
        let marker = try marker(workshop)
        let recipe = try recipe(
            workshop,
            """
            echo devices: $(sed '1,2d; s/:.*//' /proc/net/dev)
            echo map: $(cat /proc/self/uid_map)
            echo processes: $(ls /proc | grep -c '^[0-9]') first: $(tr '\\0' ' ' < /proc/1/cmdline)
            echo user: $(id -u) $(grep -c . /proc/self/mounts)
            reached() { echo "REACHED $1" >> /opt/reached; }
            [ ! -e '\(marker)' ] || reached marker
            [ ! -e '/proc/1/root\(marker)' ] || reached 'marker by /proc/1/root'
            [ ! -e '\(workshop.home)' ] || reached home
            ! echo x 2>&- > /proc/sys/kernel/core_pattern || reached core_pattern
            ! echo x 2>&- > /proc/sysrq-trigger || reached sysrq
            ! mount -o remount,rw /run/build || reached 'remount'
            ! mount -o remount,bind,rw /run/build || reached 'remount,bind'
            ! mount -t tmpfs none /mnt || reached mount
            ! unshare -rm mount -o remount,bind,rw /run/build || reached 'remount in a namespace'
            ! touch /run/build/x || reached 'writing to the inputs'
            ! mknod /opt/disk b 254 0 || [ ! -e /opt/disk ] || { head -c 1 /opt/disk && reached disk; rm -f /opt/disk; }
            perl -e 'mkdir "/opt/jail"; chroot "/opt/jail"; chdir ".." for 1..64; chroot "."; exit(-e "\(marker)" ? 0 : 1)' \
                && reached 'marker by chroot' || rm -rf /opt/jail
            [ ! -e /dev/tty ] || ! : < /dev/tty || reached 'the terminal'
            [ "$(cut -d ' ' -f 6 /proc/self/stat)" = 1 ] || reached 'the session of who builds'
            ! unshare -Ur true || reached 'a user namespace'
            for place in /run /dev/shm; do ! head -c 100000000 /dev/zero 2>&- > $place/x || reached "memory of $place"; rm -f $place/x; done
            [ ! -e /opt/reached ] || cat /opt/reached
            """)
        try workshop.built(recipe)
        let log = try workshop.log(Self.name)
        #expect(!log.contains("REACHED"), "\(log)")
        #expect(log.contains("devices: lo\n"))
        let map = try #require(log.split(separator: "\n").first { $0.hasPrefix("map: ") }).split(separator: " ")
        #expect(map[1] == "0")
        #expect(map[2] != "0", "root of a script is root of the host")
        #expect(log.contains("user: 0 "))
        let processes = try #require(log.split(separator: "\n").first { $0.hasPrefix("processes: ") })
        #expect(Int(processes.split(separator: " ")[1]).map { $0 < 10 } == true, "\(processes)")
        #expect(workshop.place.text("marker") == "the host's")
    }

    /// keyctl(2) and add_key(2) by their numbers on x86-64: join a session of its own and put a key there, search the session.
    @Test func aScriptHasNoKeysOfTheCaller() throws {
        let workshop = try Workshop()
        // Perl gives strings of variables only.
        let words = "my ($type, $name, $secret) = qw(user sojourn-test secret);"
        let search = "syscall(250, 10, -3, $type, $name, 0) == -1"
        let recipe = try recipe(workshop, "perl -e '\(words) print((\(search)) ? \"nothing found\" : \"KEY\")'")
        let giving =
            "\(words) syscall(250, 1, 0); syscall(248, $type, $name, $secret, 6, -3); die \"no key\" if \(search); exec @ARGV"
        let result = try Running(
            program: "/usr/bin/perl",
            arguments: ["-e", giving, workshop.sojourn.program, "image", "build", recipe, "--no-check"],
            directory: workshop.place.url, input: "", environment: ["SOJOURN_HOME": workshop.home]
        ).finish()
        #expect(result.status == 0, "\(result.error)")
        #expect(try workshop.log(Self.name).contains("nothing found"))
    }

    @Test(arguments: Builder.allCases)
    func aScriptThatTakesMoreMemoryThanItMayIsEnded(_ builder: Builder) throws {
        let workshop = try builder.workshop()
        let recipe = try recipe(
            workshop, "a=$(head -c 400000000 /dev/zero | tr '\\0' x)\necho ${#a}", also: "limits: {memory: 100MiB}")
        let result = try workshop.build(recipe)
        #expect(result.status == 1)
        #expect(
            result.error.contains("'limits: memory' of its recipe allows") && result.error.contains("100MiB"),
            "\(result.error)")
        let means = [
            "100MiB of memory by a cgroup", "100MiB of memory by a limit on each process and a watch over all",
        ]
        #expect(means.contains { result.error.contains($0) }, "\(result.error)")
    }

    /// No process of it takes much.
    @Test(arguments: Builder.allCases)
    func manyProcessesThatTogetherTakeTooMuchMemoryAreEnded(_ builder: Builder) throws {
        let workshop = try builder.workshop()
        let recipe = try recipe(
            workshop,
            """
            for i in 1 2 3 4 5 6 7 8; do perl -e 'my $x = "x" x 40_000_000; sleep 98765' & done
            wait
            """, also: "limits: {memory: 150MiB, time: 5m}")
        try workshop.refused(recipe, saying: "the 150MiB of memory that 'limits: memory' of its recipe allows")
        try expectNothingRuns()
    }

    @Test(arguments: Builder.allCases)
    func aScriptThatWritesMoreThanItMayIsEnded(_ builder: Builder) throws {
        let workshop = try builder.workshop()
        let many = "i=0; while [ $i -lt 1000 ]; do i=$((i+1)); head -c 20M /dev/zero > /opt/f$i; done"
        for script in [many, "head -c 20G /dev/zero > /opt/one"] {
            let recipe = try recipe(workshop, script, also: "limits: {disk: 200MiB}")
            try workshop.refused(recipe, saying: "200MiB", "'limits: disk'")
        }
        try workshop.expectNothingHalfDone()
    }

    @Test(arguments: Builder.allCases)
    func aScriptThatTakesLongerThanItMayIsEndedWithAllItsProcesses(_ builder: Builder) throws {
        let workshop = try builder.workshop()
        let script = "trap '' TERM INT HUP\nsetsid nohup sleep 98765 &\nsleep 98765"
        let recipe = try recipe(workshop, script, also: "limits: {time: 3s}")
        try workshop.refused(recipe, saying: "3s", "'limits: time'")
        try expectNothingRuns()
    }

    @Test(arguments: Builder.allCases)
    func aBombOfProcessesIsEnded(_ builder: Builder) throws {
        let workshop = try builder.workshop()
        let script = "bomb() { bomb 98765 | bomb 98765 & }\nbomb 98765\nexec sleep 98765"
        let recipe = try recipe(workshop, script, also: "limits: {time: 10s, memory: 100MiB}")
        try workshop.refused(recipe, saying: "'limits: ")
        try expectNothingRuns()
        try workshop.expectNothingHalfDone()
    }

    @Test(arguments: Builder.allCases)
    func processesThatAScriptLeavesEndWithIt(_ builder: Builder) throws {
        let workshop = try builder.workshop()
        let recipe = try recipe(
            workshop, "setsid sh -c 'sleep 98765; echo late > /opt/late' &\necho done > /opt/done")
        try workshop.built(recipe)
        try expectNothingRuns()
        let files = try workshop.sojourn(["image", "show", Self.name, "--files"]).output
        #expect(files.contains("/opt/done"))
        #expect(!files.contains("/opt/late"))
    }

    private func expectNothingRuns() throws {
        try eventually(.seconds(20), "the end of all processes of a script") { Processes.mentioning("98765").isEmpty }
    }

    /// What the build itself does in the tree afterwards must not follow where a script points.
    @Test(arguments: Builder.allCases)
    func linksOutOfTheTreeLeadNowhere(_ builder: Builder) throws {
        let workshop = try builder.workshop()
        let marker = try marker(workshop)
        let victims = "\(workshop.directory)/victims"
        try workshop.shell(
            "mkdir -p victims/apt/archives victims/log; for d in . apt log; do echo kept > victims/$d/file; done")
        try workshop.shell("chmod -R a+rwX victims; mkdir snap; ln -s '\(victims)' snap/link")
        let recipe = try recipe(
            workshop,
            """
            for file in etc/machine-id etc/hostname etc/resolv.conf var/lib/dbus/machine-id; do
                mkdir -p /${file%/*}; rm -f /$file; ln -s '\(marker)' /$file
            done
            rm -rf /var/log /var/cache /home /mnt /srv /root
            ln -s '\(victims)/log' /var/log
            ln -s '\(victims)' /var/cache
            ln -s '\(victims)' /home
            ln -s /build /root
            ln -s /build/out /srv
            rm -rf /tmp/* || :
            """,
            also: """
                snapshot: [{from: snap, to: /opt/snap}]
                files: [{path: /opt/snap/link/written, content: through a link}]
                """)
        // Refused or not: what counts is what it has not done.
        _ = try workshop.build(recipe)
        #expect(workshop.place.text("marker") == "the host's")
        let left = try workshop.shell(
            "find victims -type f | LC_ALL=C sort | tr '\\n' ' '; cat victims/file victims/*/file")
        #expect(left == "victims/apt/file victims/file victims/log/file kept\nkept\nkept\n")
        try workshop.expectNothingHalfDone()
    }

    /// The result that a build reads as root may be anything by then.
    @Test(arguments: Builder.allCases)
    func aTreeThatIsNotOneIsNoImage(_ builder: Builder) throws {
        let workshop = try builder.workshop()
        let recipe = try recipe(workshop, "rm -rf --one-file-system /etc /usr /var /bin /lib /opt 2>&- || :")
        let result = try workshop.build(recipe)
        #expect(result.status == 0 || result.status == 1, "\(result.error)")
        try workshop.expectNothingHalfDone()
    }
}
