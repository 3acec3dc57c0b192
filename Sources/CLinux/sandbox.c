#define _GNU_SOURCE
#include "sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_MOUNTS = 64 };

struct failure { int step, mount, error; };

/// Where the new root is put together: a directory that every system has.
static const char stage[] = "/tmp";

/// Makes the directories above `path`, and `path` itself as what it is to hold.
static int make_place(const char *path, int is_directory) {
    char part[4096];
    size_t length = strlen(path);
    if (length >= sizeof part) { errno = ENAMETOOLONG; return -1; }
    memcpy(part, path, length + 1);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(part, 0755) < 0 && errno != EEXIST) return -1;
        *slash = '/';
    }
    if (is_directory) return mkdir(part, 0755) < 0 && errno != EEXIST ? -1 : 0;
    int file = open(part, O_CREAT | O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (file >= 0) close(file);
    return file < 0 ? -1 : 0;
}

/// Within the new root, which is ours already: links of its tree lead nowhere else.
static int mount_entry(const sojourn_sandbox_mount *entry, int source) {
    struct stat status = {.st_mode = S_IFDIR};
    if (source >= 0 && fstat(source, &status) < 0) return -1;
    if (make_place(entry->target, S_ISDIR(status.st_mode)) < 0) return -1;
    if (source < 0) {
        char options[64];
        // What lies in it is in nobody's resident memory.
        snprintf(options, sizeof options, entry->size ? "mode=1777,size=%llu" : "mode=1777", (unsigned long long)entry->size);
        return mount("tmpfs", entry->target, "tmpfs", MS_NOSUID | MS_NODEV, options);
    }
    if (syscall(SYS_move_mount, source, "", AT_FDCWD, entry->target, 4 /* MOVE_MOUNT_F_EMPTY_PATH */) < 0) return -1;
    if (!entry->read_only) return 0;
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    return (int)syscall(SYS_mount_setattr, AT_FDCWD, entry->target, AT_RECURSIVE, &attributes, sizeof attributes);
}

/// A procfs of our processes, not mounted yet: the kernel gives one only while another one is in sight (Linux
/// fs/namespace.c, mount_too_revealing).
static int make_proc(void) {
    int context = (int)syscall(SYS_fsopen, "proc", 1 /* FSOPEN_CLOEXEC */);
    if (context < 0 || syscall(SYS_fsconfig, context, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0) < 0) return -1;
    return (int)syscall(
        SYS_fsmount, context, 1 /* FSMOUNT_CLOEXEC */, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

/// A copy of what is mounted at `path`, held by the descriptor alone. Taken while we are still who may reach it.
static int clone_mount(const char *path) {
    return (int)syscall(SYS_open_tree, AT_FDCWD, path, 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC | AT_RECURSIVE);
}

static int limit(int resource, uint64_t value) {
    struct rlimit bounds = {value, value};
    return value == 0 ? 0 : setrlimit((__rlimit_resource_t)resource, &bounds);
}

/// What is no longer in the bounding set is gone with the exec (capabilities(7)).
static int keep_capabilities(uint64_t kept) {
    for (int number = 0; kept != 0 && prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++) {
        if (!(kept >> number & 1) && prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0) return -1;
    }
    return 0;
}

/// Neither the caller's terminal, whose input a process of its session may forge (ioctl_tty(2), TIOCSTI), nor the keys of
/// its session (session-keyring(7)). A kernel without keys has none to keep from us.
static int leave_session(void) {
    if (setsid() < 0) return -1;
    return syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL) < 0 && errno != ENOSYS ? -1 : 0;
}

/// In a user namespace of its own a process would get back the capabilities that were taken from it.
static int forbid_namespaces(void) {
    int file = open("/proc/sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t went = write(file, "0", 1);
    close(file);
    return went == 1 ? 0 : -1;
}

static struct failure failed(int step, int mount) { return (struct failure){step, mount, errno}; }

static struct failure build_root(const sojourn_sandbox *s, int root, const int *sources) {
    int proc = make_proc();
    if (proc < 0) return failed(SOJOURN_SANDBOX_ROOT, -1);
    if (root >= 0) {
        if (syscall(SYS_move_mount, root, "", AT_FDCWD, stage, 4) < 0) return failed(SOJOURN_SANDBOX_ROOT, -1);
    } else if (mount("tmpfs", stage, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0) {
        return failed(SOJOURN_SANDBOX_ROOT, -1);
    }
    // The old root ends on top of the new one, at the same place, and is let go (pivot_root(2), "pivot_root(".", ".")").
    if (chdir(stage) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) {
        return failed(SOJOURN_SANDBOX_PIVOT, -1);
    }
    for (int i = 0; i < s->mount_count; i++) {
        if (mount_entry(&s->mounts[i], sources[i]) < 0) return failed(SOJOURN_SANDBOX_MOUNT, i);
    }
    if (make_place("/proc", 1) < 0 || syscall(SYS_move_mount, proc, "", AT_FDCWD, "/proc", 4) < 0) {
        return failed(SOJOURN_SANDBOX_ROOT, -1);
    }
    if (chdir(s->directory) < 0) return failed(SOJOURN_SANDBOX_PIVOT, -1);
    return (struct failure){0, -1, 0};
}

static struct failure become(const sojourn_sandbox *s, int go) {
    int sources[MOST_MOUNTS], root = -1;
    char byte;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (leave_session() < 0) return failed(SOJOURN_SANDBOX_LIMITS, -1);
    if (s->mount_count > MOST_MOUNTS) { errno = E2BIG; return failed(SOJOURN_SANDBOX_MOUNT, -1); }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return failed(SOJOURN_SANDBOX_SOURCE, -1);
    if (s->root && (root = clone_mount(s->root)) < 0) return failed(SOJOURN_SANDBOX_SOURCE, -1);
    for (int i = 0; i < s->mount_count; i++) {
        sources[i] = s->mounts[i].source ? clone_mount(s->mounts[i].source) : -1;
        if (s->mounts[i].source && sources[i] < 0) return failed(SOJOURN_SANDBOX_SOURCE, i);
    }
    if (s->cgroup >= 0 && write(s->cgroup, "0", 1) != 1) return failed(SOJOURN_SANDBOX_LIMITS, -1);
    if (read(go, &byte, 1) != 1) { errno = ECANCELED; return failed(SOJOURN_SANDBOX_MAPS, -1); }
    if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) {
        return failed(SOJOURN_SANDBOX_USER, -1);
    }
    // A change of user clears it.
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    umask(022);
    struct failure failure = build_root(s, root, sources);
    if (failure.step) return failure;
    if (s->capabilities && forbid_namespaces() < 0) return failed(SOJOURN_SANDBOX_LIMITS, -1);
    if (sethostname("build", 5) < 0 || limit(RLIMIT_AS, s->address_space) < 0
        || limit(RLIMIT_NPROC, s->processes) < 0
        || limit(RLIMIT_CORE, 1) < 0 || keep_capabilities(s->capabilities) < 0) return failed(SOJOURN_SANDBOX_LIMITS, -1);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < 32; number++) {
        if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_DFL);
    }
    execve(s->path, s->argv, s->envp);
    return failed(SOJOURN_SANDBOX_EXEC, -1);
}

pid_t sojourn_sandbox_start(const sojourn_sandbox *spec, int *go, int *report) {
    int start[2], result[2];
    if (pipe2(start, O_CLOEXEC) < 0) return -1;
    if (pipe2(result, O_CLOEXEC) < 0) { close(start[0]); close(start[1]); return -1; }
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    unsigned long flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD;
    pid_t child = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0);
    if (child == 0) {
        close(start[1]);
        int high = fcntl(result[1], F_DUPFD_CLOEXEC, 10), wait = fcntl(start[0], F_DUPFD_CLOEXEC, 10);
        struct failure failure = {SOJOURN_SANDBOX_CLONE, -1, errno};
        if (high >= 0 && wait >= 0 && dup2(spec->input, 0) >= 0 && dup2(spec->output, 1) >= 0 && dup2(spec->output, 2) >= 0) {
            // Nothing but these three goes on, and no descriptor of a directory outside.
            syscall(SYS_close_range, 3, ~0U, 4 /* CLOEXEC */);
            failure = become(spec, wait);
        }
        ssize_t ignored = write(high, &failure, sizeof failure);
        (void)ignored;
        _exit(125);
    }
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(start[0]);
    close(result[1]);
    if (child < 0) { close(start[1]); close(result[0]); errno = error; return -1; }
    *go = start[1];
    *report = result[0];
    return child;
}

int sojourn_sandbox_finish(int report, int *step, int *mount) {
    struct failure failure;
    ssize_t got;
    do { got = read(report, &failure, sizeof failure); } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof failure) return 0;
    *step = failure.step;
    *mount = failure.mount;
    errno = failure.error;
    return -1;
}
