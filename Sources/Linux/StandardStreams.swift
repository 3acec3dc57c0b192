import Glibc

/// What a program may rely on, whoever started it.
package enum StandardStreams {
    /// Opens what of descriptors 0 to 2 was closed, so that no other file gets their numbers; and takes SIGCHLD's ordinary
    /// meaning back, since a caller that ignores it would have our children reaped behind our back.
    package static func prepare() {
        for descriptor in Int32(0)...2 where fcntl(descriptor, F_GETFD) < 0 {
            // open(2) takes the lowest free number.
            _ = open("/dev/null", descriptor == 0 ? O_RDONLY : O_WRONLY)
        }
        signal(SIGCHLD, SIG_DFL)
    }
}
