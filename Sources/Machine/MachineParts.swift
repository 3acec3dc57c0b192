import Archive
import Glibc
import GridModel
import GuestProtocol
import ImageFormat
import ImageStore
import Linux
import Policy
import QEMU

/// What a machine is made of, acquired step by step and given back whatever step was reached.
struct MachineParts {
    /// Nil where this host lets us make none.
    var cgroup: Cgroup?
    var shares: [SharedDirectory] = []
    var qemu: ChildProcess?
    var channel: GuestChannel?
    var monitor: Monitor?
    var console: Descriptor?
    /// The filesystems of the image.
    var serving: ImageServing?
    /// On image and kernel, by the site's rules.
    var decisions: [Decision] = []

    /// Ends what runs; what has already ended is no fault. `last` is called when all have ended and none is forgotten yet:
    /// the kernel then tells what they used to the last.
    func stop(last: () -> Void) throws {
        qemu?.signal(9)
        _ = try qemu.map { try Poll.wait([($0.ended.raw, .readable)], until: nil) }
        for share in shares { try share.process.end(grace: .seconds(1)) }
        last()
        for process in shares.map(\.process) + [qemu].compactMap({ $0 }) { _ = try process.wait() }
        serving?.stop()
    }
}

/// Brings up QEMU for one specification.
struct MachineStart {
    let specification: MachineSpecification
    let directory: MachineDirectory
    let installation: Installation
    let store: ImageStore
    let accept: StartAcceptance
    /// Where blocks of the image come from that are not here.
    let places: RangePlaces

    /// Each part is put into `parts` as soon as it runs, so that a failure of a later step can undo it.
    func perform(_ parts: inout MachineParts, phases: inout PhaseClock) throws {
        let programs = try QEMUPrograms.find()
        parts.decisions = try accept.decide(specification, in: store)
        if let refused = parts.decisions.first(where: { !$0.isAccepted }) {
            throw MachineError(
                .notAccepted, "\(refused.name) (\(refused.digest.short)) may not run here: \(refused.refusal)")
        }
        try requireHugepages()
        parts.cgroup = try MachineCgroup.make(specification, directory)
        let place = ProcessPlace(
            cgroups: try parts.cgroup?.processes() ?? [], processors: specification.hosting?.processors ?? [])
        // The disk is formatted while the image is hashed.
        let scratch = try ScratchDisk.start(
            directory.scratch, size: specification.scratch, log: directory.supervisorLog)
        let kernel = try VerifiedKernel.open(specification, in: store)
        let image = try store.image(reference: specification.image.description)
        let served = try ImageServing(image, in: store, from: places, isTraced: specification.isCheck == true)
        parts.serving = served
        phases.mark("verify")
        var disks = served.sockets.enumerated().map { index, socket in
            QEMUCommandLine.Disk(.served(socket), serial: GuestLink.Disk.layer(index))
        }
        disks.append(.init(.file(try scratch.finish(), isReadOnly: false), serial: GuestLink.Disk.scratch))
        if let swap = specification.swap, swap.bytes > 0 {
            let file = try SwapDisk.make(directory.swap, size: swap, log: directory.supervisorLog)
            disks.append(.init(.file(file, isReadOnly: false), serial: GuestLink.Disk.swap))
        }
        disks += try makeStagingDisks()
        let serving = try serveShares(programs, place, &parts)
        let initrd = try makeInitrd(modules: kernel.modules)
        let (channel, channelEnd) = try Socket.pair()
        let (monitor, monitorEnd) = try Socket.pair()
        let (console, consoleEnd) = try Socket.pair()
        var line = QEMUCommandLine(
            name: "sojourn-\(specification.id)", accelerator: specification.accelerator,
            processor: specification.hosting?.processor ?? "max", cores: specification.cores,
            memory: specification.backingMemory, kernel: kernel.vmlinuz, initrd: initrd,
            kernelArguments: ["\(GuestLink.layersArgument)=\(served.sockets.count)"] + specification.kernelArguments,
            console: consoleEnd)
        line.node = specification.hosting?.node
        line.hasHugepages = specification.hosting?.hasHugepages ?? false
        line.disks = disks
        line.shares = serving
        line.hasOutgoingNetwork = specification.network == .outgoing
        line.monitor = monitorEnd
        line.channel = (channelEnd, GuestLink.portName)
        phases.mark("prepare")
        let log = try Descriptor.open(directory.qemuLog, O_RDWR | O_CREAT)
        parts.qemu = try QEMUProcess.spawn(
            line, program: programs.system, log: log, number: Host.processID, place: place)
        parts.channel = try GuestChannel(socket: channel)
        parts.monitor = try Monitor(socket: monitor)
        try console.setNonblocking()
        parts.console = console
    }

    /// QEMU would only say that it cannot allocate memory.
    private func requireHugepages() throws {
        guard specification.hosting?.hasHugepages == true else { return }
        let (free, size) = (try Host.memoryInformation().freeHugepages, Host.hugepageSize)
        let needed = specification.backingMemory.bytes
        if needed <= free { return }
        throw MachineError(
            .tooLarge,
            "the machine needs \(needed / size) huge pages of \(ByteCount(size)), this host has \(free / size) free: "
                + "ask for less memory, or reserve more with 'sysctl vm.nr_hugepages'")
    }

    private func makeStagingDisks() throws -> [QEMUCommandLine.Disk] {
        guard let staging = specification.staging else { return [] }
        var disks: [QEMUCommandLine.Disk] = []
        if !staging.inputs.isEmpty {
            let file = try HostStaging.pack(staging, to: directory.stageIn)
            disks.append(.init(.file(file, isReadOnly: true), serial: GuestLink.Disk.stageIn))
        }
        if !staging.outputs.isEmpty {
            let file = try Descriptor.createSparse(directory.stageOut, bytes: staging.outputLimit.bytes)
            disks.append(.init(.file(file, isReadOnly: false), serial: GuestLink.Disk.stageOut))
        }
        return disks
    }

    private func serveShares(
        _ programs: QEMUPrograms, _ host: ProcessPlace, _ parts: inout MachineParts
    ) throws -> [QEMUCommandLine.Share] {
        var serving: [QEMUCommandLine.Share] = []
        for (index, share) in specification.shares.enumerated() {
            let log = try Descriptor.open("\(directory.path)/share-\(index).log", O_RDWR | O_CREAT)
            let (served, bind) = try place(share, index)
            let process = try SharedDirectory.serve(
                served, bind: bind, program: try programs.requireVirtiofsd(),
                socketPath: "\(directory.path)/share-\(index).socket", log: log, place: host)
            parts.shares.append(process)
            serving.append(.init(socket: process.socket, tag: "share\(index)"))
        }
        return serving
    }

    /// A directory is served where it is; of a single file its virtiofsd sees nothing else, in a directory made for it.
    private func place(
        _ share: MachineSpecification.Share, _ index: Int
    ) throws -> (served: String, bind: ChildSpecification.Bind?) {
        guard share.isFile else {
            let bind = ChildSpecification.Bind(source: share.source, target: share.source, readOnly: true)
            return (share.source, share.readOnly ? bind : nil)
        }
        let holder = directory.share(index)
        let file = "\(holder)/\(Files.name(of: share.source))"
        try Files.makeDirectories(holder, mode: 0o755)
        try Files.write([], to: file)
        return (holder, .init(source: share.source, target: file, readOnly: share.readOnly))
    }

    /// The kernel's modules, then the site's agent: of two archives the later one wins, so pid 1 is always the site's.
    private func makeInitrd(modules: Descriptor) throws -> Descriptor {
        let agent = try Files.read(try installation.requireGuest(), limit: 64 << 20)
        return try Initrd.make(modules: modules, agent: agent)
    }
}
