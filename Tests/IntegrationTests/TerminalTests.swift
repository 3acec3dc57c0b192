import Foundation
import Testing

/// A person at a terminal.
@Suite struct TerminalTests {
    let sojourn: Sojourn
    let directory: Scratch

    init() throws {
        sojourn = try .installed()
        directory = try Scratch()
    }

    private func open(_ arguments: String) throws -> Tmux {
        try Tmux(
            "SOJOURN_HOME='\(sojourn.home.path)' PS1='host> ' '\(sojourn.program)' \(arguments); echo status=$?; sleep 1000",
            in: directory.url)
    }

    @Test func aShellHasAWindowInterruptsAndJobControl() throws {
        let terminal = try open("shell --os debian12")
        try terminal.wait(for: "starting os/debian12")
        try terminal.wait(for: ":\(directory.url.path)#")
        #expect(try !terminal.screen().contains("starting"))
        try terminal.type("stty size; tty", "Enter")
        try terminal.wait(for: "30 100\n/dev/pts/0")
        try terminal.resize(columns: 77, rows: 22)
        try eventually(.seconds(30), "the new size") {
            try terminal.type("clear; stty size", "Enter")
            return try terminal.screen().contains("22 77")
        }
        // A key that comes before the command runs is the shell's, and a terminal forgets what was typed before an interrupt.
        try terminal.type("echo be''gun; sleep 1000; echo interrupted=$?", "Enter")
        try terminal.wait(for: "begun")
        try eventually(.seconds(30), "a prompt after the interrupt") {
            try terminal.type("C-c")
            let screen = try terminal.screen().trimmingCharacters(in: .whitespacesAndNewlines)
            return screen.contains("^C") && screen.hasSuffix("#")
        }
        try terminal.type("echo next=$?", "Enter")
        try terminal.wait(for: "next=130")
        try terminal.type("echo a''gain; sleep 1000", "Enter")
        try terminal.wait(for: "again")
        try eventually(.seconds(30), "a stopped job") {
            try terminal.type("C-z")
            return try terminal.screen().contains("Stopped")
        }
        try terminal.type("kill %1; wait; jobs; echo x | cat; exit 5", "Enter")
        try terminal.wait(for: "status=5")
    }

    @Test func aCommandOnATerminalHasOneAndTheHostsIsAsBefore() throws {
        let terminal = try open(
            "run --os debian12 -- sh -c 'test -t 0 && test -t 1 && test -t 2 && echo is a terminal'")
        try terminal.wait(for: "is a terminal")
        try terminal.wait(for: "status=0")
    }

    @Test func theInterruptKeyEndsACommand() throws {
        let terminal = try open("run --os debian12 -- sh -c 'echo begun; sleep 1000'")
        try terminal.wait(for: "begun")
        try terminal.type("C-c")
        try terminal.wait(for: "status=130")
    }

    @Test func aClosedTerminalEndsItsMachine() throws {
        let terminal = try open("run --os debian12 -- sh -c 'echo $SOJOURN_MACHINE > id; echo begun; sleep 1000'")
        try terminal.wait(for: "begun")
        let id = directory.text("id").trimmingCharacters(in: .newlines)
        try terminal.close()
        let path = "\(sojourn.home.path)/machines/\(id)/record.json"
        try eventually(.seconds(60), "the record") { FileManager.default.fileExists(atPath: path) }
        #expect(try String(contentsOfFile: path, encoding: .utf8).contains("terminal-closed"))
        try Processes.expectNone(of: id, sharing: directory.url)
    }

    @Test func aShellWithoutATerminalIsRefused() throws {
        let result = try sojourn(["shell", "--os", "debian12"], in: directory.url)
        #expect(result.status == 125)
        #expect(result.error.contains("needs a terminal"))
    }
}
