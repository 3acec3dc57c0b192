package import GridModel
package import Linux

/// One machine as QEMU is to make it. Every file is given as an open descriptor: QEMU's own user could open none of them.
package struct QEMUCommandLine: Sendable {
    package struct Disk: Sendable {
        package enum Source: Sendable {
            case file(Descriptor, isReadOnly: Bool)
            /// A connection to an NBD server, which is only read.
            case served(Descriptor)
        }

        package let source: Source
        package let serial: String

        package init(_ source: Source, serial: String) {
            self.source = source
            self.serial = serial
        }
    }

    /// A directory shared by a virtiofsd that is connected to `socket`.
    package struct Share: Sendable {
        package let socket: Descriptor
        package let tag: String

        package init(socket: Descriptor, tag: String) {
            self.socket = socket
            self.tag = tag
        }
    }

    /// What a job has no use for is left out. Not `microvm`: without a PM timer its guests hang on a busy host under TCG.
    private static let machine =
        "q35,hpet=off,sata=off,smbus=off,usb=off,vmport=off,smm=off,i8042=off,graphics=off,memory-backend=memory"

    /// A panic ends the machine at once. The kernel's tests of its own ciphers take a tenth of a start. Of more
    /// than 2 GiB it would keep 64 MiB for devices that cannot reach all memory, of which there are none.
    private static let kernelArguments = [
        "console=ttyS0", "quiet", "panic=-1", "cryptomgr.notests", "swiotlb=noforce",
    ]

    package var name: String
    package var accelerator: Accelerator
    /// QEMU's name of what the machine sees.
    package var processor: String
    package var cores: Int
    package var memory: ByteCount
    package var kernel: Descriptor
    package var initrd: Descriptor
    package var kernelArguments: [String]
    package var disks: [Disk] = []
    package var shares: [Share] = []
    /// The host's NUMA node that the memory comes from; nil for whichever.
    package var node: Int?
    /// The memory comes from the host's huge pages, of which it must be a multiple.
    package var hasHugepages = false
    /// A card with QEMU's user network behind it; else there is none.
    package var hasOutgoingNetwork = false
    package var console: Descriptor
    /// QMP; nil for the accelerator's probe.
    package var monitor: Descriptor?
    /// The guest's channel and its port name.
    package var channel: (socket: Descriptor, port: String)?

    package init(
        name: String, accelerator: Accelerator, processor: String, cores: Int, memory: ByteCount, kernel: Descriptor,
        initrd: Descriptor,
        kernelArguments: [String], console: Descriptor
    ) {
        self.name = name
        self.accelerator = accelerator
        self.processor = processor
        self.cores = cores
        self.memory = memory
        self.kernel = kernel
        self.initrd = initrd
        self.kernelArguments = kernelArguments
        self.console = console
    }

    /// The arguments, and the descriptors that the child needs: the i-th as its descriptor i + 3.
    package func build() -> (arguments: [String], descriptors: [Descriptor]) {
        var builder = Builder()
        builder.add("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-name", name)
        builder.add("-sandbox", "on,elevateprivileges=deny,spawn=deny,resourcecontrol=deny")
        builder.add("-machine", Self.machine, "-accel", accelerator.option)
        builder.add("-cpu", processor, "-smp", "\(cores)", "-m", "\(memory.bytes >> 20)M")
        // Shared: a virtiofsd reads and writes the guest's memory itself (vhost-user).
        builder.add(
            "-object",
            "memory-backend-memfd,id=memory,size=\(memory.bytes >> 20)M,share=on"
                + (node.map { ",host-nodes=\($0),policy=bind" } ?? "") + (hasHugepages ? ",hugetlb=on" : ""))
        builder.add("-kernel", builder.path(kernel), "-initrd", builder.path(initrd))
        builder.add("-append", (Self.kernelArguments + kernelArguments).joined(separator: " "))
        builder.add("-chardev", "socket,id=console,fd=\(builder.place(console))", "-serial", "chardev:console")
        if let monitor {
            builder.add(
                "-chardev", "socket,id=monitor,fd=\(builder.place(monitor))", "-mon", "chardev=monitor,mode=control")
        }
        builder.add("-object", "rng-random,id=random,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=random")
        builder.add("-device", "virtio-balloon-pci,free-page-reporting=on")
        if let channel {
            builder.add(
                "-chardev", "socket,id=channel,fd=\(builder.place(channel.socket))", "-device", "virtio-serial-pci")
            builder.add("-device", "virtserialport,chardev=channel,name=\(channel.port)")
        }
        for disk in disks { builder.add(disk) }
        for share in shares {
            builder.add("-chardev", "socket,id=\(share.tag),fd=\(builder.place(share.socket))")
            builder.add("-device", "vhost-user-fs-pci,chardev=\(share.tag),tag=\(share.tag)")
        }
        if hasOutgoingNetwork {
            // The machine starts its kernel by itself: no boot ROM, which is not installed everywhere.
            builder.add("-netdev", "user,id=net,ipv6=off", "-device", "virtio-net-pci,netdev=net,romfile=")
        }
        return (builder.arguments, builder.descriptors)
    }

    private struct Builder {
        var arguments: [String] = []
        var descriptors: [Descriptor] = []

        mutating func add(_ words: String...) { arguments += words }

        mutating func place(_ descriptor: Descriptor) -> Int {
            descriptors.append(descriptor)
            return descriptors.count + 2
        }

        mutating func path(_ descriptor: Descriptor) -> String { "/proc/self/fd/\(place(descriptor))" }

        mutating func add(_ disk: Disk) {
            switch disk.source {
            case .file(let file, let isReadOnly): add(file, disk.serial, isReadOnly)
            case .served(let socket):
                let number = place(socket)
                add(
                    "-blockdev",
                    "driver=nbd,node-name=disk\(number),server.type=fd,server.str=\(number),read-only=on")
                add("-device", "virtio-blk-pci,drive=disk\(number),serial=\(disk.serial)")
            }
        }

        private mutating func add(_ file: Descriptor, _ serial: String, _ isReadOnly: Bool) {
            let number = place(file)
            let access = isReadOnly ? "read-only=on" : "read-only=off,discard=unmap"
            add("-add-fd", "fd=\(number),set=\(number)")
            // A scratch disk never outlives its machine: its flushes may be skipped.
            let common = "cache.no-flush=\(serial == "scratch" ? "on" : "off"),\(access)"
            add("-blockdev", "driver=file,node-name=file\(number),filename=/dev/fdset/\(number),locking=off,\(common)")
            add("-blockdev", "driver=raw,node-name=disk\(number),file=file\(number),\(access)")
            // No room on the host stops the machine and is reported, instead of a wrong answer to the guest.
            let errors = isReadOnly ? "" : ",werror=enospc"
            add("-device", "virtio-blk-pci,drive=disk\(number),serial=\(serial)\(errors)")
        }
    }
}
