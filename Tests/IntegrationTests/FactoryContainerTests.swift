import Foundation
import StrictJSON
import Testing

/// Images from container images, which is how today's experiment environments arrive.
@Suite struct FactoryContainerTests {
    private static let name = "test/container:1@debian12"
    let workshop: Workshop

    init() throws { workshop = try Workshop() }

    /// A layout of two layers, the second of which removes a file and a directory of the first; made once by umoci, from
    /// the files of the shared system, and gone with the process.
    private static let layout: Result<String, any Error> = Result {
        let workshop = try Workshop()
        let place = try Workshop.makeCommonDirectory("layout")
        let system = workshop.blob(try workshop.layers("os/debian12")[0])
        let script = """
            fsck.erofs --extract=tree --preserve '\(system)'
            find tree -xdev -perm /6000 -type f -exec chmod u-s,g-s {} +
            mkdir -p tree/opt/gone tree/opt/opaque; echo first > tree/opt/gone/file; echo first > tree/opt/opaque/old
            echo first > tree/etc/motd
            tar --create --file one.tar --sort=name --directory tree .
            mkdir -p two/etc two/opt/opaque; echo second > two/opt/experiment; : > two/etc/.wh.motd; : > two/opt/.wh.gone
            : > two/opt/opaque/.wh..wh..opq; echo second > two/opt/opaque/new
            tar --create --file two.tar --sort=name --directory two .
            umoci init --layout layout
            umoci new --image layout:v1
            umoci raw add-layer --image layout:v1 one.tar
            umoci raw add-layer --image layout:v1 two.tar
            umoci config --image layout:v1 --config.env EXPERIMENT=here --config.env PATH=/opt/bin:/usr/bin:/bin \\
                --architecture amd64 --os linux --created 2026-01-02T03:04:05Z --no-history
            umoci config --image layout:v1 --tag arm --architecture arm64
            umoci gc --layout layout
            rm -r tree two one.tar two.tar
            """
        try Workshop.run("/bin/sh", ["-euc", script], in: place)
        return place.path
    }

    private func recipe(_ reference: String, _ text: String = "") throws -> String {
        let layout = try Self.layout.get()
        try workshop.place.write(
            "name: \(Self.name)\nfrom: oci:\(layout)/\(reference)\nkernel: kernel-debian12\n\(text)\n",
            to: "recipe.yaml")
        return workshop.path("recipe.yaml")
    }

    @Test func aContainerImageBootsWithItsWhiteoutsItsVariablesAndItsPackages() throws {
        let digest = try workshop.built(
            try recipe("layout:v1", "check: ['test -f /opt/experiment', '[ \"$EXPERIMENT\" = here ]']"), checked: true)
        let output = try workshop.run(
            Self.name,
            """
            . /etc/os-release; echo $PRETTY_NAME; cat /opt/experiment; echo $EXPERIMENT $PATH
            ls -d /etc/motd /opt/gone 2>&- || echo gone; ls /opt/opaque; find / -xdev -name '.wh.*'
            """)
        #expect(output == "Debian GNU/Linux 12 (bookworm)\nsecond\nhere /opt/bin:/usr/bin:/bin\ngone\nnew\n")
        let packages = try workshop.show(Self.name, "--packages")
        let system = try workshop.show("os/debian12", "--packages")
        #expect(names(packages) == names(system))
        #expect(names(packages).count > 80)
        let results = try workshop.referrers(of: digest, "https://in-toto.io/attestation/test-result/v0.1")
        #expect(results.count == 1)
        let layers = try #require(try workshop.show(Self.name)["layers"]?.array)
        #expect(layers.count == 1)
    }

    private func names(_ packages: JSONValue) -> Set<String> {
        let list = packages["packages"]?.array ?? packages.array ?? []
        return Set(list.map { "\($0["name"]?.string ?? "") \($0["version"]?.string ?? "")" })
    }

    @Test func aContainerImageIsRebuiltToTheSameBits() throws {
        let digest = try workshop.built(try recipe("layout:v1"))
        let result = try workshop.sojourn(["image", "rebuild", Self.name], in: workshop.place.url)
        #expect(result.output == "identical \(digest)\n", "\(result.error)")
    }

    @Test func aScriptOfChanceIsFoundOutAndTheFilesNamed() throws {
        let script = """
            build:
              - |
                head -c 32 /dev/urandom > /opt/chance
                echo always > /opt/steady
                mkdir /opt/directory-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
            """
        try workshop.built(try recipe("layout:v1", script))
        let result = try workshop.sojourn(["image", "rebuild", Self.name], in: workshop.place.url)
        #expect(result.status == 1)
        #expect(result.output.hasPrefix("different: sha256:"))
        #expect(result.output.contains("/opt/chance"), "\(result.output)")
        #expect(result.output.contains("/opt/directory-"))
        #expect(!result.output.contains("/opt/steady"))
        try workshop.expectNothingHalfDone()
    }

    @Test func anotherArchitectureIsRefused() throws {
        try workshop.refused(try recipe("layout:arm"), saying: "arm64", "amd64")
    }

    @Test func aLayoutOrAnImageInItThatIsNotThereIsNamed() throws {
        let layout = try Self.layout.get()
        try workshop.refused(try recipe("nosuch:v1"), saying: "\(layout)/nosuch")
        try workshop.refused(try recipe("layout:v7"), saying: "v7")
        try workshop.expectNothingHalfDone()
    }

    @Test func whatIsNotCleanInAContainerIsNamed() throws {
        try workshop.refused(
            try recipe("layout:v1", "build: ['chmod u+s /usr/bin/passwd; echo k > /etc/ssh_host; chmod 777 /opt']"),
            saying: "/usr/bin/passwd", "permit: setUserID", "/opt: ")
    }
}
