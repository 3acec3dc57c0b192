import Foundation
import Testing

@testable import ImageFactory
@testable import Linux

@Suite struct ImageKernelTests {
    /// The least of an ELF file that has a section `.modinfo` with these strings.
    private func module(_ strings: [String]) -> [UInt8] {
        func number(_ value: Int, _ size: Int) -> [UInt8] {
            (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        let names = Array("\0.shstrtab\0.modinfo\0".utf8)
        let info = strings.flatMap { Array("\($0)\0".utf8) }
        let table = 64 + names.count + info.count
        func section(name: Int, offset: Int, size: Int) -> [UInt8] {
            number(name, 4) + number(1, 4) + number(0, 16) + number(offset, 8) + number(size, 8) + number(0, 24)
        }
        var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1] + [UInt8](repeating: 0, count: 34)
        bytes += number(table, 8) + number(0, 10) + number(64, 2) + number(3, 2) + number(1, 2)
        bytes += names + info + section(name: 0, offset: 0, size: 0)
        bytes += section(name: 1, offset: 64, size: names.count)
        return bytes + section(name: 11, offset: 64 + names.count, size: info.count)
    }

    @Test func moduleTellsWhatItNeeds() throws {
        let file = try ModuleFile(
            module(["license=GPL", "depends=virtio-ring,virtio", "softdep=pre: crc32c post: b"]), name: "m")
        #expect(file.dependencies == ["virtio_ring", "virtio"])
        #expect(file.softDependencies == ["crc32c"])
        #expect(try ModuleFile(module(["depends="]), name: "m").dependencies.isEmpty)
    }

    @Test func damagedModulesAreRefused() {
        let sound = module(["depends=a"])
        for end in [0, 10, 63, 64, 100, sound.count - 25] {
            #expect(throws: ImageFactoryError(.unsuitableKernel, "")) {
                try ModuleFile(Array(sound[..<end]), name: "m")
            }
        }
        var far = sound
        far[0x2e] = 0xff
        #expect(throws: ImageFactoryError(.unsuitableKernel, "")) { try ModuleFile(far, name: "m") }
    }

    private func withModules(_ body: (ModuleSet) throws -> Void) throws {
        try ImageFixture.withDirectory { directory in
            let files = [
                "kernel/fs/erofs.ko": module(["depends=libcrc32c"]),
                "kernel/lib/libcrc32c.ko": module(["softdep=pre: crc32c x", "depends="]),
                "kernel/drivers/virtio-net.ko": module(["depends=failover,libcrc32c"]),
                "kernel/net/failover.ko": module(["depends="]),
                "kernel/fs/broken.ko": module(["depends=missing"]), "kernel/x.ko": module([]),
                "modules.builtin": Array("kernel/fs/ext4/ext4.ko\n".utf8),
            ]
            for (path, bytes) in files {
                try Files.makeDirectories(Files.parent(of: "\(directory)/\(path)"))
                try Files.write(bytes, to: "\(directory)/\(path)")
            }
            try body(try ModuleSet(directory, tools: try Toolbox(log: "\(directory)/log")))
        }
    }

    @Test func modulesFollowWhatTheyNeed() throws {
        try withModules { modules in
            let boot = try modules.order(["ext4", "erofs"])
            #expect(boot == ["kernel/x.ko", "kernel/lib/libcrc32c.ko", "kernel/fs/erofs.ko"])
            #expect(
                try modules.order(["virtio_net", "erofs"], without: boot) == [
                    "kernel/net/failover.ko", "kernel/drivers/virtio-net.ko",
                ])
        }
    }

    @Test func missingModulesAreNamed() throws {
        try withModules { modules in
            let named = try #require(throws: ImageFactoryError.self) { try modules.order(["nonsense"]) }
            #expect(named.message.contains("nonsense, which the recipe names"))
            let needed = try #require(throws: ImageFactoryError.self) { try modules.order(["broken"]) }
            #expect(needed.message.contains("missing, which broken needs"))
        }
    }

    @Test func compressedModulesAreRead() throws {
        try ImageFixture.withDirectory { directory in
            try Files.makeDirectories("\(directory)/kernel")
            try Files.write(module(["depends="]), to: "\(directory)/kernel/a.ko")
            try Files.write(Array("".utf8), to: "\(directory)/modules.builtin")
            #expect(try ImageFixture.run(["xz", "\(directory)/kernel/a.ko"]).status == 0)
            let modules = try ModuleSet(directory, tools: try Toolbox(log: "\(directory)/log"))
            #expect(try modules.order(["a"]) == ["kernel/a.ko"])
            #expect(try modules.contents("kernel/a.ko") == module(["depends="]))
        }
    }
}
