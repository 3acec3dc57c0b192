import Testing

@testable import Linux

/// Where cgroups are, from the kernel's own tables.
@Suite struct CgroupTests {
    /// Version 1 with a named hierarchy, as here; version 2 is mounted beside it, with what version 1 does not have.
    @Test func bothVersionsBesideEachOther() {
        let places = CgroupPlace.parse(
            cgroups: "9:name=systemd:/\n4:memory:/batch/job1\n1:cpu,cpuacct:/\n0::/\n",
            mounts: """
                30 29 0:26 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
                31 29 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
                32 29 0:28 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
                33 29 0:29 / /sys rw - sysfs sysfs rw
                """)
        #expect(
            places == [
                CgroupPlace(
                    directory: "/sys/fs/cgroup/memory/batch/job1", controllers: ["memory"],
                    mountPoint: "/sys/fs/cgroup/memory"),
                CgroupPlace(
                    directory: "/sys/fs/cgroup/cpu", controllers: ["cpu", "cpuacct"], mountPoint: "/sys/fs/cgroup/cpu"),
                CgroupPlace(
                    directory: "/sys/fs/cgroup/unified", controllers: nil, mountPoint: "/sys/fs/cgroup/unified"),
            ])
    }

    /// A container's mount shows its own part of the hierarchy; a path above it is nobody's.
    @Test func aContainersPartOfTheHierarchy() {
        let mount = "31 29 0:27 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
        #expect(
            CgroupPlace.parse(cgroups: "4:memory:/docker/abc/deep", mounts: mount).map(\.directory) == [
                "/sys/fs/cgroup/memory/deep"
            ])
        #expect(CgroupPlace.parse(cgroups: "4:memory:/docker/abcd", mounts: mount) == [])
        #expect(CgroupPlace.parse(cgroups: "4:memory:/docker/abc/../x", mounts: mount) == [])
        #expect(CgroupPlace.parse(cgroups: "4:memory:/", mounts: mount) == [])
    }

    /// Our own processes move to a leaf in version 2: their machines are made beside it, not below.
    @Test func theLeafOfTheSupervisorIsNoParent() {
        let mount = "32 29 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
        #expect(
            CgroupPlace.parse(cgroups: "0::/user.slice/run.scope/sojourn-supervisor", mounts: mount).map(\.directory)
                == ["/sys/fs/cgroup/user.slice/run.scope"])
    }

    @Test(arguments: ["", "x", "0::", "4:memory", "4:memory:/a"])
    func tablesThatSayNothingGiveNoPlace(_ cgroups: String) {
        #expect(CgroupPlace.parse(cgroups: cgroups, mounts: "31 29 0:27 / - cgroup\nx - \n-") == [])
    }

    @Test func whatTheLimitsOfVersion1Leave() {
        let place = CgroupPlace(directory: "/c/batch/job", controllers: ["memory", "cpu"], mountPoint: "/c")
        #expect(place.ancestry == ["/c/batch/job", "/c/batch", "/c"])
        func limit(_ files: [String: String]) -> CgroupPlace.Limit { place.limit { files[$0] } }
        #expect(
            limit([
                "memory.limit_in_bytes": "1000\n", "memory.usage_in_bytes": "600\n",
                "memory.stat": "inactive_file 1\ntotal_inactive_file 100\n", "cpu.cfs_quota_us": "150000\n",
                "cpu.cfs_period_us": "100000\n",
            ]) == .init(memory: 500, cores: 2))
        #expect(
            limit([
                "memory.limit_in_bytes": "9223372036854771712\n", "memory.usage_in_bytes": "600\n",
                "cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n",
            ]) == .init())
        #expect(limit(["memory.limit_in_bytes": "1000\n", "memory.usage_in_bytes": "1001\n"]).memory == 0)
        #expect(limit([:]) == .init())
    }

    @Test func whatTheLimitsOfVersion2Leave() {
        let place = CgroupPlace(directory: "/c", controllers: nil, mountPoint: "/c")
        #expect(place.ancestry == ["/c"])
        func limit(_ files: [String: String]) -> CgroupPlace.Limit { place.limit { files[$0] } }
        let small = limit([
            "memory.max": "1000\n", "memory.current": "600\n", "memory.stat": "anon 5\ninactive_file 100\n",
            "cpu.max": "1000 100000\n",
        ])
        #expect(small == .init(memory: 500, cores: 1))
        let unlimited = limit(["memory.max": "max\n", "memory.current": "600\n", "cpu.max": "max 100000\n"])
        #expect(unlimited == .init())
        var room = Cgroup.Room()
        (room.memory, room.cores) = (500, 1)
        #expect(Cgroup.room(in: [unlimited, small, .init(memory: 700, cores: 4)]) == room)
    }

    @Test(
        arguments: [
            ("oom 1\noom_kill 1\n", nil, .ownLimit), ("max 3\noom 0\noom_kill 1\n", nil, .above),
            ("oom 1\noom_kill 0\n", nil, nil), ("under_oom 0\noom_kill 2\n", "7\n", .ownLimit),
            ("under_oom 0\noom_kill 2\n", "0\n", .above), ("under_oom 0\n", "7\n", nil),
        ] as [(String, String?, Cgroup.MemoryShortage?)])
    func whoseMemoryRanOut(_ events: String, _ failures: String?, _ shortage: Cgroup.MemoryShortage?) {
        #expect(Cgroup.memoryShortage(events: events, failures: failures) == shortage)
    }

    /// Made for real where this host lets us, filled, and removed with what is in it.
    @Test func aCgroupHoldsAProcessAndGoesWithIt() throws {
        var limits = Cgroup.Limits()
        limits.cores = 1.5
        limits.memory = 64 << 20
        limits.processors = [0]
        var planned: [String] = []
        let name = "sojourn-test-\(Host.processID)"
        guard let group = try Cgroup.make(name, limits, planned: { planned = $0 }) else {
            // An ordinary user's host, or one whose processes share our cgroup of version 2.
            #expect(Host.variable("SOJOURN_TEST_CGROUP") == nil)
            return #expect(planned.filter(Files.exists) == [])
        }
        #expect(group.held.isSuperset(of: [.cpu, .memory]))
        #expect(try Self.values(planned, ["cpu.max", "cpu.cfs_quota_us"]).first?.hasPrefix("150000") == true)
        #expect(try Self.values(planned, ["memory.max", "memory.limit_in_bytes"]) == ["\(64 << 20)\n"])
        var child = ChildSpecification(
            "/bin/sleep", ["1000"], environment: [], descriptors: [nil, nil, nil])
        child.cgroups = try group.processes()
        child.processors = [0]
        let process = try ChildProcess.spawn(child)
        defer { process.signal(9) }
        let cgroups = String(decoding: try Files.read("/proc/\(process.pid)/cgroup", limit: 1 << 16), as: UTF8.self)
        #expect(cgroups.split(separator: "\n").filter { $0.hasSuffix("/\(name)") }.count == planned.count)
        let status = String(decoding: try Files.read("/proc/\(process.pid)/status", limit: 1 << 16), as: UTF8.self)
        #expect(status.contains("Cpus_allowed_list:\t0\n"))
        #expect(!planned.isEmpty && planned.allSatisfy(Files.exists))
        // As where the supervisor was killed: what lives is killed, though not yet reaped.
        try Cgroup.remove(planned)
        #expect(planned.filter(Files.exists) == [])
        #expect(try process.wait() == .signalled(9))
        try Cgroup.remove(planned)
    }

    private static func values(_ directories: [String], _ files: [String]) throws -> [String] {
        let paths = directories.flatMap { directory in files.map { "\(directory)/\($0)" } }.filter(Files.exists)
        return try paths.map { String(decoding: try Files.read($0, limit: 4096), as: UTF8.self) }
    }

    @Test func aChildThatCannotBeBoundIsNotStarted() {
        var child = ChildSpecification("/bin/true", [], environment: [], descriptors: [nil, nil, nil])
        child.processors = [1023]
        #expect(throws: SystemError.self) { try ChildProcess.spawn(child) }
    }
}

/// What the kernel says of a process, against what the process did.
@Suite struct ProcessUsageTests {
    @Test func aProcessThatHasEndedStillTellsUntilItIsReaped() throws {
        let null = try Descriptor.open("/dev/null", 2)
        // A megabyte read and written by a child of the shell's, which the shell reaps; then some work of the shell's own.
        let script =
            "dd if=/dev/zero of=/dev/null bs=1024 count=1024; i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"
        let process = try ChildProcess.spawn(
            ChildSpecification("/bin/sh", ["-c", script], environment: ["PATH=/bin"], descriptors: [null, null, null]))
        #expect(try Poll.wait(for: process.ended.raw, until: .now.advanced(by: .seconds(60))))
        let usage = try #require(ProcessUsage(of: process.pid))
        #expect((1 << 20..<(1 << 20) + (1 << 18)).contains(usage.readBytes))
        #expect((1 << 20..<(1 << 20) + (1 << 18)).contains(usage.writtenBytes))
        #expect(usage.processorMilliseconds > 20)
        #expect(usage.anonymous == 0)
        _ = try process.wait()
        #expect(ProcessUsage(of: process.pid) == nil)
    }
}
