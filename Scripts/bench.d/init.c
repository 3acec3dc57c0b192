// Pid 1 of the bare peer that `make bench` compares sojourn with: the least that makes the same root filesystem of the
// same disks. It loads the modules, stacks the layers under the scratch disk, mounts a shared directory where the
// machine has one, runs /job where the initrd has one, prints a line, and powers off.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void power_off(void) {
    fflush(stdout);
    reboot(RB_POWER_OFF);
}

static void fail(const char *what) {
    printf("peer failed: %s: %s\n", what, strerror(errno));
    fflush(stdout);
    tcdrain(STDOUT_FILENO);
    power_off();
}

static void mount_at(
    const char *source, const char *target, const char *type, unsigned long flags, const char *options) {
    mkdir(target, 0755);
    if (mount(source, target, type, flags, options) < 0) fail(target);
}

/// The first line of a file without its end, or nothing.
static char *first_line(const char *path, char *line, int size) {
    FILE *file = fopen(path, "re");
    line[0] = 0;
    if (!file) return line;
    if (!fgets(line, size, file)) line[0] = 0;
    fclose(file);
    line[strcspn(line, "\n")] = 0;
    return line;
}

static void load_modules(const char *order) {
    FILE *list = fopen(order, "re");
    char path[4096];
    if (!list) return;
    while (fgets(path, sizeof path, list)) {
        path[strcspn(path, "\n")] = 0;
        int module = open(path, O_RDONLY | O_CLOEXEC);
        if (module < 0 || syscall(SYS_finit_module, module, "", 0) < 0) fail(path);
        close(module);
    }
    fclose(list);
}

/// Mounts the disk of that serial number; false where the machine has none.
static int mount_disk(const char *serial, const char *target, const char *type, unsigned long flags) {
    DIR *disks = opendir("/sys/block");
    char path[512], found[64];
    for (struct dirent *entry; disks && (entry = readdir(disks));) {
        snprintf(path, sizeof path, "/sys/block/%s/serial", entry->d_name);
        if (strcmp(first_line(path, found, sizeof found), serial)) continue;
        snprintf(path, sizeof path, "/dev/%s", entry->d_name);
        mount_at(path, target, type, flags, NULL);
        closedir(disks);
        return 1;
    }
    if (disks) closedir(disks);
    return 0;
}

static void assemble_root(void) {
    char serial[32], point[64], options[4096] = "", lower[2048] = "", rest[2048];
    mkdir("/layers", 0755);
    for (int index = 0;; index++) {
        snprintf(serial, sizeof serial, "layer%d", index);
        snprintf(point, sizeof point, "/layers/%d", index);
        if (!mount_disk(serial, point, "erofs", MS_RDONLY)) break;
        strcpy(rest, lower);
        snprintf(lower, sizeof lower, "%s%s%.1900s", point, *rest ? ":" : "", rest);
    }
    if (!mount_disk("scratch", "/scratch", "ext4", MS_NODEV)) fail("no scratch disk");
    mkdir("/scratch/upper", 0755);
    mkdir("/scratch/work", 0755);
    snprintf(options, sizeof options, "lowerdir=%s,upperdir=/scratch/upper,workdir=/scratch/work", lower);
    mount_at("overlay", "/root", "overlay", MS_NODEV, options);
}

/// Runs the job in the new root; what it says goes to the console.
static void run_job(void) {
    char command[4096];
    int status = 0;
    if (!*first_line("/job", command, sizeof command)) return;
    mount_at("dev", "/root/dev", "devtmpfs", MS_NOSUID, NULL);
    if (fork() == 0) {
        if (chroot("/root") < 0 || chdir("/mnt") < 0) _exit(1);
        execl("/bin/sh", "sh", "-c", command, NULL);
        _exit(1);
    }
    wait(&status);
    // The serial line holds less than a job says.
    tcdrain(STDOUT_FILENO);
    if (status) fail(command);
}

int main(void) {
    mount_at("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_at("sysfs", "/sys", "sysfs", MS_NOSUID, NULL);
    mount_at("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, NULL);
    load_modules("/lib/modules/load-order");
    load_modules("/lib/modules/late-order");
    assemble_root();
    if (!access("/share", F_OK)) mount_at("share0", "/root/mnt", "virtiofs", MS_NOSUID | MS_NODEV, NULL);
    run_job();
    puts("peer is done");
    power_off();
}
