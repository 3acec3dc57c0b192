internal import CLinux
import Glibc

/// Asks a person for a passphrase, which the terminal does not show.
package struct PassphrasePrompt: Sendable {
    /// The most that is read of one line.
    package static let longest = 4096

    private let input: Int32
    private let output: Int32

    /// Nil where `input` is no terminal, or one that this process may not read from.
    package init?(input: Int32 = STDIN_FILENO, output: Int32 = STDERR_FILENO) {
        guard Terminal.isTerminal(input), Terminal.isInForeground(input) else { return nil }
        self.input = input
        self.output = output
    }

    /// Shows `question` and returns the line that is typed, without its end; empty at the end of input.
    ///
    /// A signal that ends or stops a program from its terminal does so, once the terminal shows again what is typed;
    /// after a stop the question is asked anew.
    package func ask(_ question: String) throws -> [UInt8] {
        while true {
            var mask = sigset_t()
            pthread_sigmask(SIG_BLOCK, nil, &mask)
            let signals = try Signals([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP])
            let answer = Result { try withoutEcho { try line(after: question, signals: signals) } }
            // Last: whatever comes now finds the terminal as it was.
            pthread_sigmask(SIG_SETMASK, &mask, nil)
            switch try answer.get() {
            case .line(let bytes): return bytes
            case .signal(let number): raise(number)
            }
        }
    }

    private enum Answer {
        case line([UInt8])
        case signal(Int32)
    }

    private func line(after question: String, signals: Signals) throws -> Answer {
        let terminal = try Descriptor(duplicating: input)
        try Descriptor(duplicating: output).write(Array(question.utf8))
        var bytes: [UInt8] = []
        while true {
            let ready = try Poll.wait([(input, .readable), (signals.descriptor.raw, .readable)], until: nil)
            if let number = signals.take().first { return .signal(number) }
            if ready[0] == [] { continue }
            let chunk = try terminal.read(upTo: Self.longest) ?? []
            bytes += chunk
            if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) { return .line(Array(bytes[..<end])) }
            if chunk.isEmpty || bytes.count > Self.longest { return .line(bytes) }
        }
    }

    private func withoutEcho<Result>(_ body: () throws -> Result) throws -> Result {
        var before = termios()
        try retrying("read a terminal's settings") { tcgetattr(input, &before) }
        var settings = before
        settings.c_lflag &= ~tcflag_t(ECHO)
        settings.c_lflag |= tcflag_t(ECHONL | ICANON | ISIG)
        // Flushed: what was typed before the question is no answer to it.
        try retrying("switch a terminal's echo off") { tcsetattr(input, TCSAFLUSH, &settings) }
        defer { tcsetattr(input, TCSAFLUSH, &before) }
        return try body()
    }
}
