import ImageFormat
import System

/// The script that mmdebstrap runs on the finished tree, inside the build's namespaces, where owners are right whoever
/// builds: it adds wheels, cleans what differs from build to build, and writes the filesystem.
struct CustomizeScript {
    /// Fetched files, in the recipe's order.
    let wheels: [(wheel: PythonWheel, file: String)]
    /// The filesystem to write, and next to it `os-release`.
    let filesystem: String
    let systemRelease: String
    /// Seconds since 1970, of every file.
    let time: Int64
    let uuid: StableUUID

    var text: String {
        """
        #!/bin/sh
        set -eu
        root=$1
        # Our own mounts, so that the tree's can go without mmdebstrap missing them.
        [ "${2:-}" = alone ] || exec unshare --mount "$0" "$root" alone
        \(wheels.map(install).joined(separator: "\n"))
        # Compiled now, or every run would do it in memory; unchecked, as files here never change. What packages brought,
        # they compiled themselves.
        for directory in "$root"/usr/local/lib/python3*/dist-packages; do
            [ ! -x "$root/usr/bin/python3" ] || [ -z "$(ls "$directory" 2>/dev/null)" ] ||
                chroot "$root" python3 -m compileall -q --invalidation-mode unchecked-hash "${directory#"$root"}"
        done
        # mkfs.erofs looks for extended attributes even where it takes no files from.
        awk -v root="$root/" 'index($5, root) == 1 { print $5 }' /proc/self/mountinfo | sort |
            while read -r mount; do umount -l "$mount" 2>/dev/null || true; done
        cd "$root"
        cp -L etc/os-release \(Self.quoted(systemRelease))
        \(Self.cleaning)
        # -T only lowers times that are later; what these hold, and so when it changed, depends on who builds.
        touch -d @\(time) dev proc sys run tmp
        # Left out, not removed: without its files in /tmp mmdebstrap would go on with the host's apt (seen with 1.3.5).
        mkfs.erofs --quiet -zlz4hc -T \(time) -U \(uuid) '--exclude-regex=^(dev|proc|sys|run|tmp)/.+' \(Self.quoted(filesystem)) "$root"

        """
    }

    /// Removes logs, caches, identities and the build's own settings.
    private static let cleaning = """
        rm -rf root/.cache root/.wget-hsts boot/* var/tmp/*
        rm -rf var/cache/apt var/lib/apt/lists var/cache/ldconfig/aux-cache var/cache/debconf/*-old var/lib/dpkg/*-old
        mkdir -p var/cache/apt/archives/partial var/lib/apt/lists/partial
        find var/log -type f -delete
        rm -f etc/hostname etc/resolv.conf etc/.pwd.lock etc/passwd- etc/group- etc/shadow- etc/gshadow- etc/subuid- etc/subgid-
        rm -f var/lib/dbus/machine-id etc/ssh/ssh_host_*_key*
        : > etc/machine-id
        # The mirror of the site that built it is nobody else's business.
        rm -f etc/apt/sources.list etc/apt/sources.list.d/* etc/apt/apt.conf.d/99mmdebstrap etc/dpkg/dpkg.cfg.d/99mmdebstrap
        mkdir -p proc sys dev tmp run home mnt
        chmod 1777 tmp
        """

    /// A wheel's files go where PEP 427 says; `.data/data` is below the prefix, here /usr/local.
    private func install(_ input: (wheel: PythonWheel, file: String)) -> String {
        let wheel = input.wheel
        let packages = "\"$root\"/usr/local/lib/python\(wheel.pythonVersion)/dist-packages"
        let data = "\(packages)/\(Self.quoted("\(wheel.name)-\(wheel.version).data"))"
        return """
            mkdir -p \(packages)
            python3 -m zipfile -e \(Self.quoted(input.file)) \(packages)
            for part in purelib platlib; do [ ! -d \(data)/$part ] || cp -R \(data)/$part/. \(packages)/; done
            [ ! -d \(data)/data ] || cp -R \(data)/data/. "$root"/usr/local/
            if [ -d \(data)/scripts ]; then
                chmod 755 \(data)/scripts/*
                sed -i '1s,^#!python.*,#!/usr/bin/python3,' \(data)/scripts/*
                cp -R \(data)/scripts/. "$root"/usr/local/bin/
            fi
            rm -rf \(data)
            """
    }

    /// As one word of the shell.
    static func quoted(_ text: String) -> String {
        "'\(text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))'"
    }
}
