import GridModel
import ImageFormat
import ImageStore
import Linux

/// Which lock a build follows, and where a new one is kept.
struct LockChoice {
    /// The lock of exactly these recipes; nil where one must be made.
    private(set) var usable: Lock?
    /// The lock of the system below: it stays when what stands on it is locked anew.
    private(set) var base: Lock.Layer?
    /// Stays likewise.
    private(set) var kernel: Lock.Kernel?
    /// False for what a lock names below its own layer: it may be of yesterday.
    let isOfNow: Bool
    private let place: Place
    private var mustBeLocked = false

    private enum Place {
        case nowhere
        case file(String)
        case home(LockBook, String)
    }

    /// For a build of nothing but this.
    init(exactly lock: Lock) {
        usable = lock
        base = lock.layers.count > 1 ? lock.layers[0] : nil
        kernel = lock.kernel
        place = .nowhere
        isOfNow = false
    }

    init(chain: RecipeChain, options: BuildOptions, home: Home) throws {
        let name = chain.recipe.environment.description
        let wanted = chain.layers.map { (name: $0.environment.description, digest: BlobHash.digest(of: $0.text.bytes)) }
        let found = try Self.find(name, wanted, options, home)
        place = found.place
        isOfNow = true
        mustBeLocked = options.mustBeLocked
        usable = found.isUsable ? found.lock : nil
        var below = chain.base == nil ? nil : found.lock?.layers.first
        // As long as the system's own recipe is the same.
        if below?.recipe != wanted[0].digest { below = nil }
        let locked = below == nil ? nil : found.lock?.kernel
        if options.isFresh, let system = chain.base,
            let current = try LockBook(home: home).lock(of: system.environment.description),
            current.layers[0].recipe == wanted[0].digest
        {
            // The system as the home has it now; it is not locked anew by this.
            (base, kernel) = (current.layers[0], nil)
        } else {
            (base, kernel) = (below, usable?.kernel ?? (options.isFresh ? nil : locked))
        }
    }

    init(kernel recipe: KernelRecipe, options: BuildOptions, home: Home) throws {
        let wanted = [(name: recipe.name, digest: BlobHash.digest(of: recipe.text.bytes))]
        let found = try Self.find(recipe.name, wanted, options, home)
        usable = found.isUsable ? found.lock : nil
        (base, kernel, place, isOfNow) = (nil, nil, found.place, true)
    }

    private static func find(
        _ name: String, _ wanted: [(name: String, digest: Digest)], _ options: BuildOptions, _ home: Home
    ) throws -> (lock: Lock?, isUsable: Bool, place: Place) {
        let book = try LockBook(home: home)
        let lock = try options.lockFile.map { try LockBook.read($0) } ?? book.lock(of: name)
        let place = options.lockFile.map { Place.file($0) } ?? .home(book, name)
        var reason = lock == nil ? "there is none; give one that you have with --lock FILE" : nil
        if let lock, !lock.layers.elementsEqual(wanted, by: { $0.name == $1.name && $0.recipe == $1.digest }) {
            let changed = zip(lock.layers, wanted).first { $0.recipe != $1.digest }?.1.name ?? name
            reason = "it was made for another text of the recipe \(changed)"
        }
        let file = options.lockFile ?? "the home's lock of \(name)"
        if let reason, options.mustBeLocked {
            throw ImageFactoryError(.locked, "\(file): \(reason); or leave out --locked to make a new one")
        }
        if let reason, lock != nil, options.lockFile != nil, !options.isFresh {
            throw ImageFactoryError(.locked, "\(file): \(reason); add --fresh to make a new one")
        }
        if options.isFresh && options.mustBeLocked {
            throw ImageFactoryError(.locked, "--fresh makes a new lock, which --locked forbids: give one of them")
        }
        return (lock, reason == nil && !options.isFresh, place)
    }

    /// True where the home keeps the lock: files beside the recipe that have changed since then are then locked anew, as a
    /// changed text is. A lock that was given says what they must be.
    var followsFiles: Bool { if case .home = place { !mustBeLocked } else { false } }

    /// For a new lock of the own layer.
    mutating func discard() {
        (base, kernel) = (usable.flatMap { $0.layers.count > 1 ? $0.layers[0] : nil }, usable?.kernel)
        usable = nil
    }

    /// Keeps the lock that was built from. One that was given in a file stays there alone.
    func keep(_ lock: Lock) throws {
        guard usable != lock else { return }
        switch place {
        case .nowhere: break
        case .file(let path): try LockBook.write(lock, to: path)
        case .home(let book, let name): try book.keep(lock, of: name)
        }
    }
}
