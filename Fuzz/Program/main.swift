// Gives one parser to libFuzzer: sojourn-fuzz PARSER [OPTION OF LIBFUZZER…] [FILE OR CORPUS…]; without arguments it names
// the parsers. `make fuzz` builds it, for itself alone.

import CFuzzer
import FuzzTargets
import Glibc

guard CommandLine.argc > 1, let target = FuzzTarget.all.first(where: { $0.name == CommandLine.arguments[1] }) else {
    for target in FuzzTarget.all { print(target.name) }
    exit(CommandLine.argc > 1 ? 2 : 0)
}

// libFuzzer's function takes no context, but a global.
let chosen = target

// The parser's name is not libFuzzer's.
var arguments = CommandLine.unsafeArgv
arguments[1] = arguments[0]
var count = CommandLine.argc - 1
var rest: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = arguments + 1
exit(
    LLVMFuzzerRunDriver(&count, &rest) { data, size in
        do { try chosen.run(Array(UnsafeBufferPointer(start: data, count: size))) } catch {
            let message = "sojourn-fuzz: \(chosen.name): \(type(of: error)): \(error)\n"
            _ = message.withCString { write(STDERR_FILENO, $0, strlen($0)) }
            abort()
        }
        return 0
    })
