#!/usr/bin/env python3
"""The arrows between the rooms point one way: user -> include -> core -> loader -> abi <- plugin -> kernel. The guest's library
stands beside the core: user -> include/ioasid-guest -> guest.

Read from the #include lines, and for what must have one home or none at all from the code without comments and strings.
"""
import re

import checklib

ABI = "ioasid_backend.h"
# Files of the core that are the loader, or drive a backend through the ABI's tables.
LOADER = re.compile(r"libioasid/(backend|be|context|device|binding|ioas|loader|teardown)[a-z_-]*\.[ch]$")
# The one file that makes system calls for plugins, without knowing what they are about.
HOST = "libioasid/loader_host.c"
# Of the library's headers the guest's library shares those that declare no function; of the ABI the numbers of record types.
GUEST_SHARES = ("ioasid/export.h", "ioasid/record.h")
GUEST_ABI = "guest/vtd_entry.c"
KERNEL = re.compile(r"(linux/|asm/|sys/ioctl\.h)")

# What exactly one file of the core names: word, and where else it does not matter.
ONE_HOME = [
    ("jemalloc", re.compile(r"\b(mallocx|rallocx|dallocx|sdallocx|mallctl\w*|jemalloc)\b")),
    ("RCU's flavour", re.compile(r"#\s*include\s*<urcu[^>]*>|\burcu_(bp|memb|mb|qsbr|signal)_\w+|\brcu_read_(un)?lock\b"
                                 r"|\bsynchronize_rcu\b|\bcall_rcu\b")),
    ("dlopen", re.compile(r"\bdl(m?open|sym|v?sym|close|error)\s*\(|<dlfcn\.h>")),
]

# A kernel-backed plugin reaches the system through the host's table only.
SYSTEM_CALL = re.compile(r"(?<![\w.>)])(open|openat|close|ioctl|read|write|pread|pwrite|mmap|munmap|opendir|fopen|dlopen|"
                         r"socket|poll|epoll_\w+|eventfd|syscall)\s*\((?!\s*\*)")


def room(path):
    parts = path.parts
    return "/".join(parts[:2]) if parts[0] == "backends" else parts[0]


def complain_of_include(path, kind, name, own_names):
    """Why this file may not include this, or None."""
    where = room(path)
    base = name.split("/")[-1]
    ours = name.startswith("ioasid/") or base in own_names
    if where == "include":
        if KERNEL.match(name):
            return "a public header includes a header of the kernel"
        if ours and not (kind == "angle" and name.startswith(("ioasid/", "ioasid-guest/"))):
            return "a public header includes something that is not public"
        if path.parts[1] == "ioasid" and name.startswith("ioasid-guest/"):
            return "the library includes the guest's library"
        if path.parts[1] == "ioasid-guest" and name.startswith("ioasid/") and name not in GUEST_SHARES:
            return "the guest's library includes the library"
    elif where == "guest":
        if KERNEL.match(name):
            return "the guest's library includes a header of the kernel"
        if base == ABI and str(path) != GUEST_ABI:
            return "only the maker of records includes the ABI"
        if name.startswith("ioasid/") and name not in GUEST_SHARES or base in own_names["libioasid"] - own_names["guest"]:
            return "the guest's library includes the library"
        if name.startswith(("libioasid/", "backends/", "tests/")) or "../" in name:
            return "the guest's library reaches into another room"
    elif where == "abi":
        if path.suffix == ".h" and name != "stdint.h":
            return "the ABI includes only <stdint.h>"
    elif where == "libioasid":
        if KERNEL.match(name) and (str(path), name) != (HOST, "sys/ioctl.h"):
            return "the core includes a header of the kernel"
        if base == ABI and not LOADER.match(str(path)):
            return "only the loader and what drives a backend include the ABI"
        if name.startswith(("backends/", "tests/", "guest/", "ioasid-guest/")) or "../" in name:
            return "the core reaches into another room"
    elif where.startswith("backends/"):
        if name.startswith(("ioasid/", "ioasid-guest/", "libioasid/")) or base in own_names["libioasid"] - own_names["backends"].get(where, set()):
            return "a plugin includes the library"
        if "../" in name:
            return "a plugin reaches into another room"
        for other, files in own_names["backends"].items():
            if kind == "quote" and base in files and other not in (where, "backends/iommufd"):
                return f"a plugin includes {other}"
        if where == "backends/mock" and (base in own_names["backends"].get("backends/iommufd", ()) or KERNEL.match(name)):
            return "the mock knows the kernel"
    elif where == "examples":
        if name.startswith("libioasid/") or base in own_names["libioasid"]:
            return "an example includes what is private to the core"
    return None


class Names(dict):
    """Names of our own headers by room; `in` asks for any of them."""

    def __contains__(self, base):
        return any(base in files for files in self.all)

    def __init__(self, top):
        files = checklib.c_files(top, suffixes=(".h",))
        backends = {}
        for p in files:
            if p.parts[0] == "backends":
                backends.setdefault(room(p), set()).add(p.name)
        public = {p.name for p in files if p.parts[0] == "include"}
        # A private header that is called like a public one is told apart by its path, not by its name.
        core = {p.name for p in files if p.parts[0] == "libioasid"} - public
        guest = {p.name for p in files if p.parts[0] == "guest"}
        self.all = [core, public, guest, {ABI}, *backends.values()]
        super().__init__(libioasid=core, guest=guest, backends=backends)


def check(top):
    complaints = []
    names = Names(top)
    homes = {what: [] for what, _ in ONE_HOME}
    for path in checklib.c_files(top):
        text = (top / path).read_text(errors="replace")
        for number, kind, name in checklib.includes(text):
            why = complain_of_include(path, kind, name, names)
            if why:
                complaints.append(f"{path}:{number}: {why} ({name})")
        code = checklib.without_strings(text)
        where = room(path)
        if where in ("libioasid", "include"):
            if re.search(r"/dev/(iommu|vfio)", checklib.without_comments(text)):
                complaints.append(f"{path}: the core names a device of the kernel")
            for what, pattern in ONE_HOME:
                if pattern.search(code):
                    homes[what].append(str(path))
        if where.startswith("backends/"):
            for number, line in enumerate(code.split("\n"), 1):
                match = SYSTEM_CALL.search(line)
                if match and not re.match(r"\s*(static|extern|int|long|void|int32_t|int64_t)\b.*\b" + match.group(1), line):
                    complaints.append(f"{path}:{number}: a plugin makes a system call itself ({match.group(1)})")
    for what, files in homes.items():
        files = sorted({f.rsplit(".", 1)[0] for f in files})
        if len(files) > 1:
            complaints.append(f"{what} is named in more than one module: {', '.join(files)}")
    return complaints


PLANTS = [
    checklib.Plant("a public header that includes the ABI", "include/ioasid/planted.h", '#include "ioasid_backend.h"\n',
                   "not public"),
    checklib.Plant("a public header that includes the kernel", "include/ioasid/planted.h", "#include <linux/vfio.h>\n",
                   "header of the kernel"),
    checklib.Plant("an ABI that includes more than stdint.h", "abi/planted.h", "#include <stddef.h>\n", "only <stdint.h>"),
    checklib.Plant("a core that includes the kernel", "libioasid/planted.c", "#include <sys/ioctl.h>\n", "header of the kernel"),
    checklib.Plant("a core that names /dev/iommu", "libioasid/planted.c", 'const char *p = "/dev/iommu";\n', "device of the kernel"),
    checklib.Plant("a core module that includes the ABI past the loader", "libioasid/planted.c",
                   '#include "ioasid_backend.h"\n', "only the loader"),
    checklib.Plant("a core that includes a backend", "libioasid/planted.c", '#include "backends/mock/planted.h"\n', "another room"),
    checklib.Plant("a plugin that includes the library", "backends/vtd/planted.c", "#include <ioasid/version.h>\n",
                   "includes the library"),
    checklib.Plant("a plugin that makes a system call", "backends/vtd/planted.c",
                   "int f(int fd) {\n\treturn ioctl(fd, 1, 2);\n}\n", "system call itself (ioctl)"),
    checklib.Plant("a mock that knows the kernel", "backends/mock/planted.c", "#include <linux/types.h>\n", "knows the kernel"),
    checklib.Plant("a guest's library that includes the library", "guest/planted.c", "#include <ioasid/pool.h>\n",
                   "the guest's library includes the library"),
    checklib.Plant("a header of the guest's library that does", "include/ioasid-guest/planted.h", "#include <ioasid/pool.h>\n",
                   "the guest's library includes the library"),
    checklib.Plant("a guest's library that reaches into the core", "guest/planted.c", '#include "libioasid/pool.h"\n',
                   "the guest's library"),
    checklib.Plant("a library that needs the guest's library", "include/ioasid/planted.h", "#include <ioasid-guest/guest.h>\n",
                   "the library includes the guest's library"),
    checklib.Plant("an example that includes private headers", "examples/planted.c", '#include "libioasid/planted.h"\n',
                   "private to the core"),
]


def two_homes(what, code):
    """A second home is planted beside the first one, or two where there is none yet."""
    plant = checklib.Plant(f"two homes of {what}", "libioasid/planted_a.c", code, f"{what} is named in more than one module")
    put = plant.put

    def put_both(top):
        put(top)
        plant.path = "libioasid/planted_b.c"
        put(top)
    plant.put = put_both
    return plant


PLANTS += [
    two_homes("jemalloc", "int f(void) { return mallctl(0, 0, 0, 0, 0); }\n"),
    two_homes("RCU's flavour", "#include <urcu/urcu-bp.h>\n"),
    two_homes("dlopen", "#include <dlfcn.h>\n"),
]

if __name__ == "__main__":
    checklib.main(check, PLANTS, "the include check")
