import Foundation
import Testing

/// A real terminal with a program in it: a tmux server of the test's own.
final class Tmux {
    private let socket = "sojourn-\(UUID().uuidString.prefix(8))"

    /// Starts `command` (for sh) in a window of that size.
    init(_ command: String, columns: Int = 100, rows: Int = 30, in directory: URL) throws {
        try tmux("new-session", "-d", "-x", "\(columns)", "-y", "\(rows)", "-c", directory.path, command)
    }

    deinit { _ = try? tmux("kill-server") }

    @discardableResult
    private func tmux(_ arguments: String...) throws -> String {
        // To a file: the server would keep a pipe's other end open for as long as it lives.
        try Running(
            program: "/usr/bin/tmux", arguments: ["-L", socket, "-f", "/dev/null"] + arguments, directory: nil,
            input: "",
            environment: [:]
        ).finish(within: .seconds(20)).output
    }

    func type(_ keys: String...) throws {
        for key in keys { try tmux("send-keys", key) }
    }

    func resize(columns: Int, rows: Int) throws { try tmux("resize-window", "-x", "\(columns)", "-y", "\(rows)") }
    func close() throws { try tmux("kill-server") }
    func screen() throws -> String { try tmux("capture-pane", "-p") }

    /// Waits until the screen shows `text`.
    func wait(for text: String) throws {
        try eventually(.seconds(90), "'\(text)' on the screen, which shows: \((try? screen()) ?? "nothing")") {
            try screen().contains(text)
        }
    }
}
