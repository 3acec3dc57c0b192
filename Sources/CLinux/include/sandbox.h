// A process in namespaces of its own: user, mount, pid, network, IPC and host name.
#pragma once
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    const char *source;           ///< What is bound; NULL: a tmpfs.
    const char *target;           ///< Absolute, in the new root.
    int read_only;
    uint64_t size;                ///< Of a tmpfs, in bytes; 0: the kernel's default, half of the memory.
} sojourn_sandbox_mount;

/// Strings and arrays belong to the caller.
typedef struct {
    const char *path;             ///< In the new root, like all that it may read.
    char *const *argv;
    char *const *envp;
    const char *directory;        ///< In the new root.
    int input;                    ///< Becomes descriptor 0.
    int output;                   ///< Becomes descriptors 1 and 2.
    const char *root;             ///< The directory that becomes the root; NULL: an empty tmpfs.
    const sojourn_sandbox_mount *mounts;
    int mount_count;
    int cgroup;                   ///< Descriptor of a cgroup.procs file, or -1.
    uint64_t capabilities;        ///< Those that it keeps, bit by number; 0: all.
    uint64_t processes;           ///< That its users may have at once; 0: as many as they like.
    uint64_t address_space;       ///< Bytes that a process may map; 0: as many as it likes.
} sojourn_sandbox;

/// Where a sandbox failed, for the message.
enum {
    SOJOURN_SANDBOX_CLONE = 1, SOJOURN_SANDBOX_SOURCE, SOJOURN_SANDBOX_MAPS, SOJOURN_SANDBOX_USER, SOJOURN_SANDBOX_ROOT,
    SOJOURN_SANDBOX_MOUNT, SOJOURN_SANDBOX_PIVOT, SOJOURN_SANDBOX_LIMITS, SOJOURN_SANDBOX_EXEC
};

/// Starts the process, which waits until its user namespace has its maps and *go is written to. Returns its pid, or -1 with
/// errno. *report then tells of a failure, or ends when the program has been executed.
pid_t sojourn_sandbox_start(const sojourn_sandbox *spec, int *go, int *report);

/// Waits for the end of the setup: 0, or -1 with errno, *step and *mount (the entry that failed, or -1).
int sojourn_sandbox_finish(int report, int *step, int *mount);
