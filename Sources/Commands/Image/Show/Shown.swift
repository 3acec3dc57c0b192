import Glibc
import StrictJSON

/// Something that a command prints, for people or as JSON.
protocol Shown: Encodable {
    func printForPeople()
}

extension Shown {
    func show(asJSON json: Bool) throws {
        if json {
            try Report.data(try StrictJSON.encode(self, pretty: true))
        } else {
            printForPeople()
        }
    }

    /// At once, JSON in one line: for whoever reads along while the command goes on.
    func showNow(asJSON json: Bool) throws {
        if json { try Report.data(try StrictJSON.encode(self) + [10]) } else { printForPeople() }
        fflush(nil)
    }
}
