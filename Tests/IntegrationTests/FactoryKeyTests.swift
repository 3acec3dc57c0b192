import Foundation
import StrictJSON
import Testing

/// Keys that people make, before OpenSSL.
@Suite struct FactoryKeyTests {
    let workshop: Workshop

    init() throws { workshop = try Workshop.apart(with: ["home.json"]) }

    private func key(_ arguments: String..., status: Int32 = 0) throws -> Sojourn.Result {
        let result = try workshop.sojourn(["key"] + arguments, in: workshop.place.url)
        try #require(result.status == status, "\(result.error)")
        return result
    }

    @Test(arguments: ["ed25519", "p256"])
    func aKeyWithAPassphraseIsReadByOpenSSLWithIt(_ type: String) throws {
        try workshop.place.write("correct horse battery staple\n", to: "passphrase")
        try workshop.place.write("wrong\n", to: "wrong")
        let made = try key("create", "mine", "--type", type, "--passphrase-file", "passphrase")
        let id = String(made.output.dropLast())
        #expect(id.count == 64)
        let shown = try key("show", "mine", "--json").output
        let description = try StrictJSON.decode(JSONValue.self, from: Array(shown.utf8), source: "key show")
        #expect(description["id"]?.string == id)
        #expect(description["type"]?.string == type)
        #expect(description["encrypted"]?.bool == true)
        let file = "\(workshop.home)/keys/mine.pem"
        let attributes = try FileManager.default.attributesOfItem(atPath: file)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        let pem = try Workshop.run(
            "/usr/bin/openssl", ["pkey", "-in", file, "-passin", "file:\(workshop.path("passphrase"))", "-pubout"])
        #expect(pem == description["publicKey"]?.string)
        for wrong in [["-passin", "file:\(workshop.path("wrong"))"], ["-passin", "pass:"]] {
            #expect(try Workshop.tool("/usr/bin/openssl", ["pkey", "-in", file, "-noout"] + wrong).status != 0)
        }
        try Data(pem.utf8).write(to: workshop.place.url.appendingPathComponent("public.pem"))
        #expect(
            try workshop.shell("openssl pkey -pubin -in public.pem -outform DER | sha256sum | cut -c -64") == "\(id)\n")
    }

    @Test func keysAreListedAndNeverReplaced() throws {
        _ = try key("create", "first", "--no-passphrase")
        _ = try key("create", "second", "--type", "p256", "--no-passphrase")
        let lines = try key("list").output.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines.contains { $0.hasPrefix("first ") && $0.contains("ed25519") && $0.hasSuffix("no") })
        let before = FileManager.default.contents(atPath: "\(workshop.home)/keys/first.pem")
        let refused = try key("create", "first", "--no-passphrase", status: 1)
        #expect(refused.error.contains("first"))
        #expect(FileManager.default.contents(atPath: "\(workshop.home)/keys/first.pem") == before)
    }

    @Test func withoutATerminalAPassphraseIsNeverAskedFor() throws {
        let result = try workshop.sojourn(["key", "create", "mine"], in: workshop.place.url, deadline: .seconds(20))
        #expect(result.status != 0)
        #expect(result.error.contains("--passphrase-file"))
        #expect(try !workshop.list("keys").contains("mine.pem"))
    }

    @Test func theHomesOwnKeyIsMadeAtFirstUseAndItsOwnersAlone() throws {
        let shared = try Workshop()
        _ = try shared.ensure("os/debian12")
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(shared.home)/keys/home.pem")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        try Workshop.run("/usr/bin/openssl", ["pkey", "-in", "\(shared.home)/keys/home.pem", "-noout"])
    }
}
