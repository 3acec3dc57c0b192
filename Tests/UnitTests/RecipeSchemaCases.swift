/// Recipes for parser and schema.
enum RecipeSchemaCases {
    private static let system = "name: os/d\nsuite: bookworm\nkernel: kernel-d\n"
    private static let software = "name: a/b:1.0@d\non: os/d\n"
    private static let container = "name: a/b:1.0@d\nfrom: oci:x\nkernel: kernel-d\n"
    private static let kernel = "kind: kernel\nname: kernel-d\nsuite: bookworm\npackage: linux-image-amd64\n"
    private static let hash = "--hash=sha256:" + String(repeating: "0a", count: 32)

    static let good: [String] = [
        system,
        system + "components: [main, contrib]\nacceptEndOfLife: true\n",
        system + "kind: image\nlicence: Debian's own\npurpose: >\n  Two\n  lines\n",
        "name: os/el9\nfrom: docker://registry.example:5000/el/9:latest\nkernel: kernel-d\n",
        "name: os/el9\nfrom: docker://x@sha256:\(String(repeating: "0a", count: 32))\nkernel: kernel-d\n",
        "name: os/el9\nfrom: 'oci:../my layout:el9/base:1'\nkernel: kernel-d\n",
        software,
        software + "kernel: kernel-other\npackages: [python3, libc++1, g++]\n",
        container,
        container + "packages: []\npython: [numpy]\n",
        software + "python: [numpy, 'a.b[c, d] >= 1.0, != 1.5.*', 'x ~=1.2', y===1.0-weird, 'z<2 ,>1']\n",
        software + "python: ['numpy==2.1.3 \(hash) \(hash)', 'b==1 \(hash)']\n",
        software + "files: [{path: /etc/x, content: ''}, {path: /etc/y, from: ../y, mode: '0600'}]\n",
        software + "files:\n  - path: /etc/..x/.y\n    content: |\n      a\tb\n\n      c\n",
        software + "files: [{path: /usr/bin/x, from: x, mode: '4755'}]\npermit: {setUserID: [/usr/bin/x]}\n",
        software + "snapshot: [{from: build.tar, to: /opt/b}, {from: /srv/build, to: /opt/c}]\n",
        software + "build:\n  - |\n    set -e\n    \ttouch /opt/x\n  - echo done\n",
        software + "limits: {time: 1h30m, disk: 1.5GB, memory: 512M}\n",
        software + "limits: {time: 90, disk: 4294967296, memory: 1073741824}\n",
        software + "limits: {time: '01:30:00'}\n",
        software + "limits: {}\npermit: {}\nneeds: {}\nenvironment: {}\n",
        software + "permit: {capabilities: [/usr/bin/ping], secrets: [/opt/x/key.pem, /opt/x/tests/**]}\n",
        software + "environment: {A: 1, B: true, C: 1.5, _d9: 'x y'}\ncheck: [b --version]\n",
        software + "needs: {memory: 2GiB, cores: 1-4, architecture: x86-64-v3}\n",
        software + "needs: {cores: 8}\n",
        kernel + "modules: {boot: [virtio_blk, erofs], late: [tun]}\n",
        kernel + "acceptEndOfLife: false\nmodules: {}\n",
    ]

    static let bad: [String] = [
        "- a", "name: os/d", "suite: s\nkernel: kernel-d", "name: os/d\nsuite: bookworm",
        "name: d\nsuite: s\nkernel: kernel-d", "name: '@d'\nsuite: s\nkernel: kernel-d",
        "name: os/d x\nsuite: s\nkernel: kernel-d", "name: a/b@d\non: os/d", "name: os/b:1@d\non: os/d",
        system + "on: os/d\n", system + "from: oci:x\n", "name: os/d\non: os/d\nkernel: kernel-d",
        "name: a/b:1@d\nsuite: s\nkernel: kernel-d", "name: a/b:1@d\nfrom: oci:x", software + "from: oci:x\n",
        "name: a/b:1@d\non: a/c:1@d", "name: a/b:1@d\non: '@d'",
        software + "components: [main]\n", software + "acceptEndOfLife: false\n",
        system + "acceptEndOfLife: 'true'\n", system + "acceptEndOfLife: yes\n",
        system + "pakages: [a]\n", system + "kind: thing\n", system + "kind:\n",
        system + "purpose:\n", system + "purpose: 12\n", system + "purpose: -.inf\n", system + "purpose: 0x1F\n",
        system + "purpose: 1e3\n", system + "purpose: ''\n", system + "purpose: \"a\\tb\"\n",
        "name: os/d\nsuite: 12\nkernel: kernel-d", "name: os/d\nsuite: [s]\nkernel: kernel-d",
        "name: os/d\nsuite: s\nkernel: linux", "name: os/d\nsuite: s\nkernel: kernel-",
        "name: os/d\nfrom: debian:12\nkernel: kernel-d", "name: os/d\nfrom: 'oci:'\nkernel: kernel-d",
        "name: os/d\nfrom: docker://A/B\nkernel: kernel-d", "name: os/d\nfrom: docker://a:1:2\nkernel: kernel-d",
        container + "packages: [python3]\n",
        software + "packages: python3\n", software + "packages: [Python3]\n", software + "packages: [python3=3.11]\n",
        software + "packages: [p]\n", software + "packages: [1.5]\n",
        software + "python: ['a @ https://x.example/a.whl']\n", software + "python: ['a; python_version<\"3\"']\n",
        software + "python: [./a.whl]\n", software + "python: [-r x.txt]\n", software + "python: ['a --pre']\n",
        software + "python: [a=1]\n", software + "python: ['a==']\n", software + "python: ['']\n",
        software + "python: ['a==1 --hash=md5:00']\n", software + "python: ['a==1 \(hash)', b==2]\n",
        software + "files: [{path: etc/x, content: a}]\n", software + "files: [{path: /, content: a}]\n",
        software + "files: [{path: /etc/../x, content: a}]\n", software + "files: [{path: /etc//x, content: a}]\n",
        software + "files: [{path: /etc/x/, content: a}]\n", software + "files: [{path: /./x, content: a}]\n",
        software + "files: [{path: /proc/x, content: a}]\n", software + "files: [{path: /tmp, content: a}]\n",
        software + "files: [{path: /etc/x}]\n", software + "files: [{path: /etc/x, content: a, from: b}]\n",
        software + "files: [{content: a}]\n", software + "files: [{path: /x, content: a, mode: 0644}]\n",
        software + "files: [{path: /x, content: a, mode: '644'}]\n",
        software + "files: [{path: /x, content: a, mode: '0684'}]\n", software + "files: [{path: /x, content: }]\n",
        software + "files: [{path: /x, content: a, owner: b}]\n", software + "files: {path: /x}\n",
        software + "snapshot: [{from: x}]\n", software + "snapshot: [{to: /opt/x}]\n",
        software + "snapshot: [{from: x, to: opt}]\n", software + "snapshot: [{from: x, to: /dev/x}]\n",
        software + "build: make\n", software + "build: ['']\n", software + "build: [12]\n",
        software + "build: [\"a\\u0007\"]\n", software + "check: [true]\n",
        software + "limits: {time: soon}\n", software + "limits: {time: 0}\n", software + "limits: {disk: 1Ki}\n",
        software + "limits: {cpu: 1}\n", software + "limits: [1h]\n",
        software + "permit: {setUserID: [su]}\n", software + "permit: {setuid: [/bin/su]}\n",
        software + "permit: {secrets: [/etc/*.key]}\n", software + "permit: {secrets: [/**]}\n",
        software + "environment: {A B: c}\n", software + "environment: {1A: c}\n", software + "environment: {A: }\n",
        software + "environment: [A=b]\n", software + "environment: {A: [b]}\n",
        software + "needs: {memory: much}\n", software + "needs: {cores: 0}\n", software + "needs: {cores: 1-}\n",
        software + "needs: {architecture: x86-64}\n", software + "needs: {architecture: 3}\n",
        kernel, kernel + "modules: {boot: erofs}\n", kernel + "modules: {early: []}\n",
        kernel + "modules: {boot: ['a b']}\n", kernel + "modules: {}\npackages: [a]\n",
        "kind: kernel\nname: linux\nsuite: s\npackage: linux-image\nmodules: {}",
        "kind: kernel\nname: kernel-d\npackage: linux-image\nmodules: {}",
        "kind: kernel\nname: kernel-d\nsuite: s\nmodules: {}",
    ]

    /// What takes comparing two values, arithmetic, more of YAML than its data, or all of PEP 440.
    static let badToTheParser: [String] = [
        // The system of 'on' is that of 'name'.
        "name: a/b:1@d\non: os/e",
        // The same key, path, place or package twice.
        system + "suite: trixie\n",
        software + "files: [{path: /etc/x, content: a}, {path: /etc/x, from: b}]\n",
        software + "snapshot: [{from: a, to: /opt/x}, {from: b, to: /opt/x}]\n",
        software + "python: [Foo_bar==1, foo-bar==2]\n",
        // A mode that is not permitted for this path.
        software + "files: [{path: /usr/bin/x, from: x, mode: '4755'}]\n",
        // Versions, and hashes without one version.
        software + "python: [a==one]\n", software + "python: [a~=1]\n", software + "python: ['a>=1.*']\n",
        software + "python: ['a \(hash)']\n", software + "python: ['a>=1 \(hash)']\n",
        // Quantities: too small, too great, upside down.
        software + "limits: {time: 400d}\n", software + "limits: {disk: 1KiB}\n",
        software + "needs: {cores: 4-2}\n", software + "needs: {cores: '2000'}\n",
        // Names of 256 bytes.
        software + "files: [{path: /etc/\(String(repeating: "x", count: 256)), content: a}]\n",
        // Aliases.
        "name: &n os/d\nsuite: bookworm\nkernel: kernel-d\npurpose: *n\n",
    ]
}
