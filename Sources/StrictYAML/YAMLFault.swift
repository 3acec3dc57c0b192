/// What is wrong with a document, where, and what to write instead.
package struct YAMLFault: Error, Equatable, CustomStringConvertible {
    package let file: String
    /// From 1.
    package let line: Int
    package let message: String

    package init(file: String, line: Int, _ message: String) {
        self.file = file
        self.line = line
        self.message = message
    }

    package var description: String { "\(file):\(line): \(message)" }

    package static func == (left: YAMLFault, right: YAMLFault) -> Bool { left.line == right.line }
}
