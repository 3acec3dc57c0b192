/// Installs wheels with the tree's own Python and nothing else: the standard library does.
enum WheelInstaller {
    /// Files go where PEP 427 says: `.data/data` below the prefix, here /usr/local. Commands of `entry_points.txt` become
    /// scripts as pip writes them.
    static let script = #"""
        import compileall, configparser, os, py_compile, re, shutil, site, sys, zipfile

        target = site.getsitepackages()[0]
        if not target.startswith("/usr/local"):
            target = "/usr/local/lib/python%d.%d/site-packages" % sys.version_info[:2]
        programs = "/usr/local/bin"
        os.makedirs(target, exist_ok=True)
        os.makedirs(programs, exist_ok=True)

        def place(archive, member, path):
            path = os.path.normpath(path)
            if not (path + "/").startswith("/usr/local/"):
                sys.exit("%s: %s leads out of /usr/local" % (archive.filename, member.filename))
            if member.is_dir():
                os.makedirs(path, exist_ok=True)
                return
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with archive.open(member) as source, open(path, "wb") as sink:
                shutil.copyfileobj(source, sink)
            executable = (member.external_attr >> 16) & 0o111
            os.chmod(path, 0o755 if executable else 0o644)

        def script(archive, member, path):
            text = archive.read(member)
            text = re.sub(rb"\A#!pythonw?[^\n]*", b"#!/usr/bin/python3", text)
            with open(path, "wb") as sink:
                sink.write(text)
            os.chmod(path, 0o755)

        def commands(archive, name):
            parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
            parser.optionxform = str
            parser.read_string(archive.read(name).decode())
            for section in ("console_scripts", "gui_scripts"):
                for command, entry in sorted(parser.items(section)) if parser.has_section(section) else []:
                    module, _, function = entry.split("[")[0].strip().partition(":")
                    if not re.fullmatch(r"[\w.-]+", command) or not re.fullmatch(r"[\w.]+", module + "." + function):
                        sys.exit("%s: the command %r has an odd name" % (archive.filename, command))
                    with open(os.path.join(programs, command), "w") as sink:
                        sink.write(
                            "#!/usr/bin/python3\nimport sys\nfrom %s import %s\nsys.exit(%s())\n"
                            % (module, function.split(".")[0], function))
                    os.chmod(os.path.join(programs, command), 0o755)

        for wheel in sys.argv[1:]:
            with zipfile.ZipFile(wheel) as archive:
                for member in archive.infolist():
                    parts = member.filename.split("/")
                    if parts[0].endswith(".data") and len(parts) > 2:
                        rest = "/".join(parts[2:])
                        if parts[1] == "scripts" and not member.is_dir():
                            script(archive, member, os.path.join(programs, os.path.basename(rest)))
                        elif parts[1] in ("purelib", "platlib"):
                            place(archive, member, os.path.join(target, rest))
                        elif parts[1] == "data":
                            place(archive, member, os.path.join("/usr/local", rest))
                        elif parts[1] == "headers":
                            place(archive, member, os.path.join("/usr/local/include", rest))
                    else:
                        place(archive, member, os.path.join(target, member.filename))
                for name in archive.namelist():
                    if name.endswith(".dist-info/entry_points.txt") and name.count("/") == 1:
                        commands(archive, name)
        # Compiled now, or every run would do it in memory; unchecked, as files here never change.
        compileall.compile_dir(target, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)

        """#
}
