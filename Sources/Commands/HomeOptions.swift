package import ArgumentParser
import ImageFactory
import ImageStore
import Machine

/// Where images and machines are kept.
package struct HomeOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The directory of images and machines.",
            discussion: "By default $SOJOURN_HOME, else $XDG_DATA_HOME/sojourn, else ~/.local/share/sojourn.",
            valueName: "dir"),
        completion: .directory)
    package var home: String?

    package init() {}

    /// Opens the home, and finishes what was left in it by a machine that was killed.
    func open() throws -> Home {
        let home = try Home(at: try Home.locate(flag: home))
        try MachineDirectory.sweep(home.machines, now: .now) { Report.line("sojourn: \($0)") }
        return home
    }

    func store() throws -> ImageStore { try ImageStore(home: try open()) }

    /// A factory whose progress goes to standard error, and which checks what it built in a machine.
    func factory(store: ImageStore, checks: Bool = true, isQuiet: Bool = false) throws -> Factory {
        let say = { (line: String) in if !isQuiet { Report.line("sojourn: \(line)") } }
        let machine = CheckMachine(home: store.home, installation: try Installation.current(), progress: say)
        return Factory(
            store: store, recipes: try RecipeBook.standard(home: store.home), check: checks ? machine.run : nil,
            progress: say)
    }
}
