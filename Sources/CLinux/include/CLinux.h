// What Swift cannot say to Linux: fork and exec with the steps between them, and variadic or raw system calls.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/xattr.h> // Not in the module map of Swift's Glibc.

/// What is done between fork and exec. Strings and arrays belong to the caller.
typedef struct {
    const char *path;
    char *const *argv;
    char *const *envp;
    const char *directory;        ///< NULL: the caller's.
    const int *descriptors;       ///< The child's descriptor i is the caller's descriptors[i]; -1 leaves a hole.
    int descriptor_count;
    int new_session;              ///< setsid
    int new_group;                ///< setpgid(0, 0)
    int controlling_terminal;     ///< TIOCSCTTY on descriptor 0
    int parent_death_signal;      ///< 0: none. Set after the change of user, which would clear it.
    const int *cgroups;           ///< Descriptors of cgroup.procs files: one for each hierarchy.
    int cgroup_count;
    const int *processors;        ///< The only ones to run on; none: the caller's.
    int processor_count;
    int change_user;
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    int group_count;
    int drop_capabilities;        ///< Empty every capability set and the bounding set.
    int own_user_namespace;       ///< Own user namespace with uid and gid mapped to themselves, all capabilities in it.
    const char *bind_source;      ///< NULL, or what is bound on bind_target in a mount namespace of the child's own.
    const char *bind_target;
    int bind_read_only;           ///< The bound tree is read-only, whatever lies in it.
} sojourn_spawn;

/// Where a spawn failed, for the message.
enum {
    SOJOURN_STEP_NONE, SOJOURN_STEP_FORK, SOJOURN_STEP_SESSION, SOJOURN_STEP_DESCRIPTORS, SOJOURN_STEP_CGROUP,
    SOJOURN_STEP_PROCESSORS, SOJOURN_STEP_DIRECTORY, SOJOURN_STEP_NAMESPACE, SOJOURN_STEP_BIND, SOJOURN_STEP_USER, SOJOURN_STEP_CAPABILITIES, SOJOURN_STEP_EXEC
};

/// Returns the child's pid, or -1 with errno set and *step telling where.
pid_t sojourn_spawn_process(const sojourn_spawn *spec, int *step);

int sojourn_finit_module(int fd, const char *parameters);
int sojourn_pidfd_open(pid_t pid);
int sojourn_pidfd_send_signal(int pidfd, int signal);
int sojourn_memfd(const char *name);
int sojourn_syncfs(int fd);
int sojourn_signalfd(const int *signals, int count);
int sojourn_set_blocking(int fd);
int sojourn_set_window(int fd, uint16_t columns, uint16_t rows);
int sojourn_get_window(int fd, uint16_t *columns, uint16_t *rows);
/// Opens a new pseudo terminal pair; 0 or -1.
int sojourn_open_terminal(int *master, int *slave);
int sojourn_interface_up(const char *name);
/// An IPv4 interface with a default route; addresses in host byte order, `length` in bits.
int sojourn_interface_configure(const char *name, uint32_t address, int length, uint32_t gateway);
/// A listening TCP socket at 127.0.0.1, nonblocking, closed on exec; or -1.
int sojourn_listen_loopback(uint16_t port, int backlog);
int sojourn_swap_on(const char *path);
int sojourn_power_off(void);
/// The user of a unix socket's peer; 0 or -1.
int sojourn_peer_uid(int fd, uid_t *uid);
int sojourn_make_node(const char *path, mode_t mode, unsigned int major, unsigned int minor);
int sojourn_set_nonblocking(int fd);
int sojourn_pipe(int ends[2]);                 ///< Both ends closed on exec.
int sojourn_accept(int listener);              ///< Nonblocking, closed on exec.
int sojourn_take_signal(int signalfd);         ///< The next signal's number; 0 where none waits.
int sojourn_usable_cores(void);                ///< The processors in this process's affinity mask.
int sojourn_exit_code(int status);
int sojourn_term_signal(int status);
/// mount(2) with a message-friendly signature; NULL data and source are allowed.
int sojourn_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data);
int sojourn_set_clock(uint64_t nanoseconds);

#include "sandbox.h"
