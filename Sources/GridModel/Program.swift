/// This program, as it names itself in documents and on the command line.
package enum Program {
    package static let version = "0.2.0"
}
