import Foundation
import StrictJSON
import Testing

/// Snapshots of what an experiment's build server made.
@Suite struct FactorySnapshotTests {
    private let name = "test/snapshot-\(UUID().uuidString.prefix(8).lowercased()):1@debian12"
    let workshop: Workshop

    init() throws { workshop = try Workshop() }

    private func recipe(_ source: String) throws -> String {
        try workshop.recipe(name, "snapshot: [{from: \(source), to: /opt/sw}]")
    }

    private func makeSnapshot() throws {
        try workshop.shell(
            """
            mkdir -p snap/bin 'snap/share/a b' snap/empty
            printf '#!/bin/sh\\necho ran\\n' > snap/bin/tool; chmod 755 snap/bin/tool
            ln -s bin/tool snap/run; ln snap/bin/tool snap/bin/same; ln -s /opt/sw/share snap/bin/far
            echo data > 'snap/share/a b/ü'; : > snap/share/nothing
            chmod 750 snap/share; touch -d 2001-01-01T00:00:00Z snap/share/nothing; mkfifo snap/pipe
            """)
    }

    @Test func aDirectoryAndATarOfItInAnotherOrderOfAnotherOwnerAreTheSameLayer() throws {
        try makeSnapshot()
        try workshop.shell(
            """
            cd snap
            find . | LC_ALL=C sort -r > ../names
            tar --create --no-recursion --format=pax --owner=4711 --group=42 --file ../snap.tar --files-from ../names
            gzip -k ../snap.tar
            """)
        try workshop.built(try recipe("snap"))
        let layers = try workshop.layers(name)
        for archive in ["snap.tar", "snap.tar.gz"] {
            try workshop.built(try recipe(archive))
            #expect(try workshop.layers(name) == layers, "\(archive)")
        }
        let output = try workshop.run(
            name,
            "/opt/sw/run; cat '/opt/sw/share/a b/ü'; stat -c '%u %a %n' /opt/sw/share; ls -i /opt/sw/bin | wc -l")
        #expect(output == "ran\ndata\n0 750 /opt/sw/share\n3\n")
    }

    @Test func aSnapshotThatIsNotThereIsNamed() throws {
        try workshop.refused(try recipe("nosuch"), saying: workshop.path("nosuch"), "snapshot")
        try workshop.place.write("this is no tar", to: "broken.tar")
        try workshop.refused(try recipe("broken.tar"), saying: "broken.tar")
        try workshop.expectNothingHalfDone()
    }

    @Test func holesStayHolesAndTheDataBetweenThemComes() throws {
        try workshop.shell(
            """
            mkdir snap
            truncate -s 1G snap/sparse
            printf begin | dd of=snap/sparse conv=notrunc status=none
            printf middle | dd of=snap/sparse bs=1 seek=600000000 conv=notrunc status=none
            printf last | dd of=snap/sparse bs=1 seek=1073741820 conv=notrunc status=none
            """)
        try workshop.built(try recipe("snap"))
        let layer = try #require(try workshop.show(name)["layers"]?.array?.last)
        #expect(layer["size"]?.int.map { $0 < 16 << 20 } == true, "\(layer)")
        let input = try #require(
            try workshop.show(name, "--lock")["layers"]?[1]?["snapshots"]?[0]?["size"]?.int)
        #expect(input < 1 << 20)
        let output = try workshop.run(
            name,
            """
            cd /opt/sw; stat -c %s sparse; head -c 5 sparse; echo; tail -c 4 sparse; echo
            dd if=sparse bs=1 skip=600000000 count=6 status=none; echo
            dd if=sparse bs=1M skip=700 count=16 status=none | tr -d '\\0' | wc -c
            """)
        #expect(output == "1073741824\nbegin\nlast\nmiddle\n0\n")
    }

    @Test func theBillOfMaterialsListsEveryFileOfASnapshotWithItsDigest() throws {
        try makeSnapshot()
        let digest = try workshop.built(try recipe("snap"))
        let document = try workshop.json(try workshop.referrer(of: digest, "application/spdx+json"))
        var listed: [String: String] = [:]
        for file in document["files"]?.array ?? [] {
            let sums = file["checksums"]?.array ?? []
            let sha256 = sums.first { $0["algorithm"]?.string == "SHA256" }?["checksumValue"]?.string
            listed[file["fileName"]?.string ?? ""] = sha256
        }
        let there = try workshop.shell("cd snap; find . -type f -exec sha256sum {} +").split(separator: "\n")
        #expect(there.count == 4)
        #expect(listed.count == there.count)
        for line in there {
            let name = line.dropFirst(68)
            #expect(
                listed.contains { $0.key.hasSuffix("/\(name)") && $0.value == line.prefix(64) }, "\(name): \(listed)")
        }
    }
}
