// Swift 6.3's runtime aborts ("Unable to obtain Swift runtime path") where /proc/self/exe cannot be read, and it looks
// before main: pid 1 therefore mounts /proc in a constructor that runs before the runtime's own.
#include "CGuestStart.h"
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((constructor(101))) static void mount_proc(void) {
    if (getpid() != 1) return;
    mkdir("/proc", 0555);
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}
