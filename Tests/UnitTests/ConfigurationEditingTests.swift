import Foundation
import Testing

@testable import GridModel
@testable import ImageStore
@testable import Policy
@testable import Settings
@testable import StrictYAML

@Suite struct ConfigurationEditingTests {
    private let ban = Rule(.ban, .experiment("lhc"), because: "CVE-1")
    private let root = "sha256:" + String(repeating: "1", count: 64)

    /// The file's text after `change`.
    private func edit(_ text: String?, _ change: (ConfigurationFile) throws -> Void) throws -> String {
        var result = ""
        try ConfigurationPlace.with(home: text) { place in
            try change(place.file)
            result = try place.text()
        }
        return result
    }

    /// Nothing changes, and the complaint names the lines to write by hand.
    private func refusal(_ text: String, _ change: (ConfigurationFile) throws -> Void) throws -> String {
        var message = ""
        try ConfigurationPlace.with(home: text) { place in
            do {
                try change(place.file)
                Issue.record("it was changed to \(try place.text())")
            } catch let error as ConfigurationError {
                message = "\(error)"
            }
            #expect(try place.text() == text)
        }
        return message
    }

    @Test func aRuleBecomesTheFirst() throws {
        let text = try edit(
            "# ours\npinning: true\n\nrules: # the first decides\n    # an old one\n    - ban: package a\n"
        ) {
            try $0.insert(ban)
        }
        #expect(
            text == """
                # ours
                pinning: true

                rules: # the first decides
                    - ban: experiment lhc
                      because: CVE-1
                    # an old one
                    - ban: package a

                """)
    }

    @Test func theListIsMadeWhereThereIsNone() throws {
        let block = "rules:\n  - ban: experiment lhc\n    because: CVE-1\n"
        #expect(try edit(nil) { try $0.insert(ban) } == block)
        #expect(try edit("") { try $0.insert(ban) } == block)
        #expect(try edit("# only this") { try $0.insert(ban) } == "# only this\n\(block)")
        #expect(try edit("pinning: true\n# end\n\n") { try $0.insert(ban) } == "pinning: true\n# end\n\n\(block)")
        #expect(try edit("rules: []  # none yet\npinning: true\n") { try $0.insert(ban) }.hasPrefix("rules:"))
        #expect(
            try edit("rules:\n- ban: package a\n") { try $0.insert(ban) }.hasPrefix("rules:\n- ban: experiment lhc\n"))
        #expect(
            try edit("pinning: true\r\n") { try $0.insert(ban) }.utf8.elementsEqual(
                "pinning: true\r\n\(block.replacingOccurrences(of: "\n", with: "\r\n"))".utf8))
    }

    @Test func aRuleGoesAndEverythingElseStays() throws {
        let text = """
            rules:
              # about a
              - ban: package a
                because: |
                  one
                  # two
              # about lhc

              - ban: experiment lhc # gone
                because: x
              # about b
              - approve: experiment b

            # end
            pinning: true
            """
        let found = try edit(text) { try $0.remove(ban) }
        #expect(
            found == text.replacingOccurrences(of: "  - ban: experiment lhc # gone\n    because: x\n", with: ""))
        let first = try edit(text) { try $0.remove(Rule(.ban, try Subject(parsing: "package a"))) }
        #expect(
            first.contains("  # about a\n  # about lhc\n\n  - ban: experiment lhc # gone\n") && !first.contains("# two")
        )
        #expect(
            try refusal(text) { try $0.remove(Rule(.approve, .experiment("lhc"))) }.contains("there is no 'approve"))
    }

    @Test func theLastRuleGoesAndTheNextComes() throws {
        let none = try edit("rules: # ours\n  - ban: experiment lhc\npinning: true\n") { try $0.remove(ban) }
        #expect(none == "rules: [] # ours\npinning: true\n")
        #expect(
            try edit(none) { try $0.insert(ban) }
                == "rules: # ours\n  - ban: experiment lhc\n    because: CVE-1\npinning: true\n")
    }

    @Test func aRuleOfTheSameSubjectGivesWay() throws {
        let text = "rules:\n  - ban: package a\n  - ban: experiment lhc\n    because: old\n"
        #expect(
            try edit(text) { try $0.insert(ban) }
                == "rules:\n  - ban: experiment lhc\n    because: CVE-1\n  - ban: package a\n")
        #expect(
            try edit("rules:\n  - ban: experiment lhc\n") { try $0.insert(ban) }
                == "rules:\n  - ban: experiment lhc\n    because: CVE-1\n")
    }

    @Test(arguments: [
        "rules: [{ban: package a}]\n", "rules:\n  [{ban: package a}]\n", "{rules: [{ban: package a}]}\n",
        "\"rules\":\n  - ban: package a\n", "rules :\n  - ban: package a\n", "rules: &x\n  - ban: package a\n",
        "rules:\n  -\n    ban: package a\n", "---\npinning: true\n...\n", "rules: !!seq\n  - ban: package a\n",
    ])
    func whatIsNotUnderstoodIsLeftToThePerson(_ text: String) throws {
        let message = try refusal(text) { try $0.insert(ban) }
        #expect(message.contains("rules:\n  - ban: experiment lhc\n    because: CVE-1"), "\(message)")
    }

    @Test func aFileThatIsWrongIsNotMadeWorse() throws {
        for text in ["rules:\n  - bann: x\n", "rules:\n", "a: [\n"] {
            try ConfigurationPlace.with(home: text) { place in
                #expect(throws: YAMLFault.self) { try place.file.insert(ban) }
                let after = try place.text()
                #expect(after == text)
            }
        }
    }

    @Test func cataloguesAndImageListsComeAndGo() throws {
        try ConfigurationPlace.with(home: "# mine\n") { place in
            let catalogue = try TrustedCatalogue(
                name: "lhc", url: try HTTPAddress(parsing: "http://h/c:1"), root: try GridModel.Digest(parsing: root))
            let list = try TrustedImageList(
                name: "egi", url: try HTTPAddress(parsing: "https://h/l"), identifier: "76fdee70-8119",
                authorities: "/a b: #c")
            try place.file.insert(catalogue)
            try place.file.insert(list)
            let found = try place.file.read()
            #expect(
                found.catalogues.map(\.url) == [catalogue.url] && found.imageLists.map(\.authorities) == ["/a b: #c"])
            #expect(throws: ConfigurationError(.alreadyThere, "")) { try place.file.insert(catalogue) }
            #expect(throws: ConfigurationError(.alreadyThere, "")) { try place.file.insert(list) }
            try place.file.remove(catalogue: "lhc")
            try place.file.remove(imageList: "egi")
            #expect(try place.text() == "# mine\ncatalogues: []\nimage-lists: []\n")
            #expect(throws: ConfigurationError(.notFound, "")) { try place.file.remove(catalogue: "lhc") }
        }
        #expect(throws: ConfigurationError(.invalid, "")) {
            try TrustedCatalogue(
                name: "a/b", url: try HTTPAddress(parsing: "http://h"), root: try GridModel.Digest(parsing: root))
        }
    }

    @Test(arguments: [
        "CVE-2024-3094", "a: b", "a #b", "#b", "- a", "'", "\"", "\\", "line\nline", "x\n- approve: experiment evil",
        "true", "12", "1.0", "null", "~", "é \u{2028}\u{FEFF}\u{85}", "&a *a", "[a]", "{a", "a:", " a ", "@a", "%a",
        "|",
        "? a", "🦊", "\u{200D}", "yes",
    ])
    func everyReasonComesBackAsItWas(_ reason: String) throws {
        try ConfigurationPlace.with(home: "rules:\n  - ban: package a\n") { place in
            try place.file.insert(Rule(.ban, .experiment("lhc"), because: reason))
            let rules = try place.file.read().rules.rules
            #expect(rules.count == 2 && rules[0].because == reason)
        }
    }

    @Test(arguments: [
        "", "a\tb", "a\0", "\u{1B}[31m", "\r", "\u{7F}", String(repeating: "a", count: 2001), "&a *a &a *a \u{1}",
    ])
    func whatCannotBeAReasonIsRefused(_ reason: String) throws {
        _ = try refusal("pinning: true\n") { try $0.insert(Rule(.ban, .experiment("lhc"), because: reason)) }
    }

    // MARK: Writing

    @Test func aWriteThatFailsLeavesTheFile() throws {
        try ConfigurationPlace.with(home: "pinning: true\n") { place in
            // What a killed writer left does not matter; what cannot be replaced does.
            let left = "\(place.file.path).\(ProcessInfo.processInfo.processIdentifier).tmp"
            try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: true)
            #expect(throws: (any Error).self) { try place.file.insert(ban) }
            #expect(try place.text() == "pinning: true\n")
            try FileManager.default.removeItem(atPath: left)
            try Data("rules:\n  - ban: exp".utf8).write(to: URL(fileURLWithPath: left))
            try place.file.insert(ban)
            #expect(try place.file.read().rules.rules.count == 1 && !FileManager.default.fileExists(atPath: left))
        }
    }

    @Test func aLinkAndAModeStay() throws {
        try ConfigurationPlace.with { place in
            let real = "\(place.system)/mine.yaml"
            try Data("pinning: true\n".utf8).write(to: URL(fileURLWithPath: real))
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: real)
            try FileManager.default.createSymbolicLink(atPath: place.file.path, withDestinationPath: real)
            try place.file.insert(ban)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: place.file.path) == real)
            let mode = try FileManager.default.attributesOfItem(atPath: real)[.posixPermissions] as? Int
            #expect(mode == 0o640)
        }
    }

    @Test func changesAtOnceAllStay() async throws {
        try await withPlace { place in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<16 {
                    group.addTask { try place.file.insert(Rule(.ban, .experiment("e\(number)"))) }
                }
                try await group.waitForAll()
            }
            #expect(try place.file.read().rules.rules.count == 16)
        }
    }

    private func withPlace(_ body: (ConfigurationPlace) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.path + "/image-\(UInt64.random(in: 0 ... .max))"
        defer {
            do { try FileManager.default.removeItem(atPath: directory) } catch { Issue.record(error) }
        }
        try await body(ConfigurationPlace(home: try Home(at: "\(directory)/home"), system: "\(directory)/etc"))
    }
}
