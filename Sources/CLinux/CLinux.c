#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

struct failure { int step, error; };

static int write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t length = (ssize_t)strlen(text), written = write(fd, text, (size_t)length);
    int error = errno;
    close(fd);
    errno = error;
    return written == length ? 0 : -1;
}

static int set_capabilities(uint32_t permitted, uint32_t high, int inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {
        {.effective = permitted, .permitted = permitted, .inheritable = inheritable ? permitted : 0},
        {.effective = high, .permitted = high, .inheritable = inheritable ? high : 0},
    };
    return (int)syscall(SYS_capset, &header, data);
}

/// In such a namespace setgroups is denied for ever, and Debian 12's virtiofsd gives up if it is: it is told that it worked.
/// The groups stay what they were, which is the caller's own right.
static int pretend_setgroups(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setgroups, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

/// A user namespace in which the caller keeps its numbers and holds every capability over exec (as ambient ones).
static int enter_user_namespace(void) {
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWUSER) < 0) return -1;
    if (write_file("/proc/self/setgroups", "deny") < 0 && errno != ENOENT) return -1;
    snprintf(map, sizeof map, "%u %u 1", uid, uid);
    if (write_file("/proc/self/uid_map", map) < 0) return -1;
    snprintf(map, sizeof map, "%u %u 1", gid, gid);
    if (write_file("/proc/self/gid_map", map) < 0) return -1;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) < 0) return -1;
    if (set_capabilities(data[0].permitted, data[1].permitted, 1) < 0) return -1;
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) return -1;
    }
    return pretend_setgroups();
}

static int bind_privately(const char *source, const char *target, int read_only) {
    if (unshare(CLONE_NEWNS) < 0) return -1;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return -1;
    if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0) return -1;
    if (!read_only) return 0;
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    return (int)syscall(SYS_mount_setattr, AT_FDCWD, target, AT_RECURSIVE, &attributes, sizeof attributes);
}

static int drop_bounding_set(void) {
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return -1;
    }
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

/// Puts descriptors where the child expects them: first all above the range, then down, so that none overwrites another.
static int place_descriptors(const int *wanted, int count, int keep) {
    int moved[256];
    if (count > 256) { errno = EINVAL; return -1; }
    for (int i = 0; i < count; i++) {
        moved[i] = wanted[i] < 0 ? -1 : fcntl(wanted[i], F_DUPFD_CLOEXEC, count > keep ? count : keep + 1);
        if (wanted[i] >= 0 && moved[i] < 0) return -1;
    }
    for (int i = 0; i < count; i++) {
        if (moved[i] >= 0) {
            if (dup2(moved[i], i) < 0) return -1;
        } else if (i != keep) {
            close(i);
        }
    }
    return 0;
}

static void reset_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < 32; number++) {
        if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_DFL);
    }
}

static int set_processors(const int *processors, int count) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < count; i++) {
        if (processors[i] >= 0 && processors[i] < CPU_SETSIZE) CPU_SET(processors[i], &set);
    }
    return sched_setaffinity(0, sizeof set, &set);
}

static int prepare(const sojourn_spawn *s, int report, pid_t parent) {
    if (s->new_session && setsid() < 0) return SOJOURN_STEP_SESSION;
    if (s->new_group && setpgid(0, 0) < 0) return SOJOURN_STEP_SESSION;
    for (int i = 0; i < s->cgroup_count; i++) {
        if (write(s->cgroups[i], "0", 1) != 1) return SOJOURN_STEP_CGROUP;
    }
    if (s->processor_count > 0 && set_processors(s->processors, s->processor_count) < 0) return SOJOURN_STEP_PROCESSORS;
    if (place_descriptors(s->descriptors, s->descriptor_count, report) < 0) return SOJOURN_STEP_DESCRIPTORS;
    // Nothing else may leak into the child, whatever a library opened without O_CLOEXEC.
    if (s->descriptor_count <= report) {
        if (s->descriptor_count < report) syscall(SYS_close_range, s->descriptor_count, report - 1, 4 /* CLOEXEC */);
        syscall(SYS_close_range, report + 1, ~0U, 4);
    }
    if (s->controlling_terminal && ioctl(0, TIOCSCTTY, 0) < 0) return SOJOURN_STEP_SESSION;
    if (s->drop_capabilities && drop_bounding_set() < 0) return SOJOURN_STEP_CAPABILITIES;
    if (s->change_user) {
        if (setgroups((size_t)s->group_count, s->groups) < 0) return SOJOURN_STEP_USER;
        if (setresgid(s->gid, s->gid, s->gid) < 0) return SOJOURN_STEP_USER;
        if (setresuid(s->uid, s->uid, s->uid) < 0) return SOJOURN_STEP_USER;
    }
    if (s->own_user_namespace && enter_user_namespace() < 0) return SOJOURN_STEP_NAMESPACE;
    if (s->bind_source && bind_privately(s->bind_source, s->bind_target, s->bind_read_only) < 0) return SOJOURN_STEP_BIND;
    if (s->drop_capabilities && set_capabilities(0, 0, 0) < 0) return SOJOURN_STEP_CAPABILITIES;
    // As the user that it will be, so that a directory is entered only by who may enter it.
    if (s->directory && chdir(s->directory) < 0) return SOJOURN_STEP_DIRECTORY;
    if (s->parent_death_signal) {
        prctl(PR_SET_PDEATHSIG, s->parent_death_signal, 0, 0, 0);
        if (getppid() != parent) _exit(125); // The parent died before the signal was set.
    }
    reset_signals();
    execve(s->path, s->argv, s->envp);
    return SOJOURN_STEP_EXEC;
}

pid_t sojourn_spawn_process(const sojourn_spawn *spec, int *step) {
    int report[2];
    *step = SOJOURN_STEP_FORK;
    if (pipe2(report, O_CLOEXEC) < 0) return -1;
    // Above the child's descriptors, so that placing them cannot touch it.
    int high = fcntl(report[1], F_DUPFD_CLOEXEC, spec->descriptor_count > 10 ? spec->descriptor_count : 10);
    close(report[1]);
    if (high < 0) { close(report[0]); return -1; }
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        struct failure failure = {.step = prepare(spec, high, parent)};
        failure.error = errno;
        ssize_t ignored = write(high, &failure, sizeof failure);
        (void)ignored;
        _exit(125);
    }
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(high);
    if (child < 0) { close(report[0]); errno = error; return -1; }
    struct failure failure;
    ssize_t got;
    do { got = read(report[0], &failure, sizeof failure); } while (got < 0 && errno == EINTR);
    close(report[0]);
    if (got == (ssize_t)sizeof failure) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
        *step = failure.step;
        errno = failure.error;
        return -1;
    }
    *step = SOJOURN_STEP_NONE;
    return child;
}

int sojourn_finit_module(int fd, const char *parameters) { return (int)syscall(SYS_finit_module, fd, parameters, 0); }
int sojourn_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
int sojourn_pidfd_send_signal(int pidfd, int number) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}
int sojourn_memfd(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int sojourn_signalfd(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int sojourn_set_window(int fd, uint16_t columns, uint16_t rows) {
    struct winsize size = {.ws_col = columns, .ws_row = rows};
    return ioctl(fd, TIOCSWINSZ, &size);
}

int sojourn_get_window(int fd, uint16_t *columns, uint16_t *rows) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0) return -1;
    *columns = size.ws_col;
    *rows = size.ws_row;
    return 0;
}

int sojourn_open_terminal(int *master, int *slave) {
    *master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*master < 0) return -1;
    char name[64];
    if (grantpt(*master) < 0 || unlockpt(*master) < 0 || ptsname_r(*master, name, sizeof name) != 0) return -1;
    *slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return *slave < 0 ? -1 : 0;
}

int sojourn_interface_up(const char *name) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    int result = ioctl(fd, SIOCSIFFLAGS, &request), error = errno;
    close(fd);
    errno = error;
    return result;
}

static struct sockaddr *set_address(struct sockaddr *place, uint32_t address) {
    struct sockaddr_in value = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    memcpy(place, &value, sizeof value);
    return place;
}

int sojourn_interface_configure(const char *name, uint32_t address, int length, uint32_t gateway) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    set_address(&request.ifr_addr, address);
    int result = ioctl(fd, SIOCSIFADDR, &request);
    set_address(&request.ifr_netmask, ~0U << (32 - length));
    if (result == 0) result = ioctl(fd, SIOCSIFNETMASK, &request);
    if (result == 0) result = sojourn_interface_up(name);
    struct rtentry route;
    memset(&route, 0, sizeof route);
    set_address(&route.rt_dst, 0);
    set_address(&route.rt_genmask, 0);
    set_address(&route.rt_gateway, gateway);
    route.rt_flags = RTF_UP | RTF_GATEWAY;
    if (result == 0) result = ioctl(fd, SIOCADDRT, &route);
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

int sojourn_listen_loopback(uint16_t port, int backlog) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, backlog) == 0) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int sojourn_swap_on(const char *path) { return swapon(path, 0); }

int sojourn_power_off(void) { return reboot(RB_POWER_OFF); }

int sojourn_peer_uid(int fd, uid_t *uid) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return -1;
    *uid = peer.uid;
    return 0;
}

int sojourn_make_node(const char *path, mode_t mode, unsigned int major, unsigned int minor) {
    return mknod(path, mode, makedev(major, minor));
}

int sojourn_set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int sojourn_set_blocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

int sojourn_exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }
int sojourn_term_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : -1; }

int sojourn_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }
int sojourn_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int sojourn_take_signal(int fd) {
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

int sojourn_usable_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0) return (int)sysconf(_SC_NPROCESSORS_ONLN);
    return CPU_COUNT(&set);
}

int sojourn_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
    return mount(source, target, type, flags, data);
}

int sojourn_set_clock(uint64_t nanoseconds) {
    struct timespec now = {.tv_sec = (time_t)(nanoseconds / 1000000000), .tv_nsec = (long)(nanoseconds % 1000000000)};
    return clock_settime(CLOCK_REALTIME, &now);
}

int sojourn_syncfs(int fd) { return syncfs(fd); }
