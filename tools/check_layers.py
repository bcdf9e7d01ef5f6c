#!/usr/bin/python3
"""Holds src/ to src/LAYERS: who may include whom, who may use which library, who may call the system.

Usage: check_layers.py [ROOT]      exit status 1 and one line per breach
"""
import os
import re
import sys

# Library headers: the folders that may include them.
LIBRARIES = {
    r'openssl/.*': {'crypto'},
    r'argon2\.h': {'crypto'},
    r'fido\.h|fido/.*': {'crypto'},
    r'cbor\.h|cbor/.*': {'crypto'},
    r'isa-l.*': {'crypto'},
    r'sqlite3.*': {'store'},
    r'libxml/.*': {'net'},
    r'curl/.*': {'net'},
    r'simdjson\.h': {'base'},
    r'yaml\.h': {'base'},
    r'seccomp\.h': {'sys'},
    r'cap-ng\.h': {'sys'},
    r'qrencode\.h|png\.h': set(),
    r'sys/(eventfd|signalfd|timerfd|inotify|ptrace|mount|un|file|wait)\.h': {'sys'},
    r'linux/.*': {'sys'},
}

# Calls that open, fork, map or change the process: only sys/ makes them.
SYSTEM_CALLS = '''
    open openat open64 creat fopen fdopen freopen opendir fdopendir mkstemp mkostemp mkdtemp
    unlink unlinkat rename renameat renameat2 mkdir mkdirat rmdir link linkat symlink truncate chmod chown mount umount
    fork vfork clone execv execve execvp execvpe execl execlp execle fexecve posix_spawn posix_spawnp waitpid kill
    mmap mremap munmap mprotect mlock madvise memfd_create shm_open
    socket socketpair bind listen accept accept4 connect pipe pipe2
    setuid setgid setresuid setresgid setgroups chroot prctl setrlimit ptrace syscall
'''.split()

# Exceptions: what base/ needs for itself, below sys/; the supervisor's business with its children; the server's
# accepting, and what is still unsent on its connections.
MAY_CALL = {
    'net/http_server.c': {'accept4'},
    'net/http_balance.c': {'pipe2'},  # hands descriptors from loop to loop
    'daemon/supervisor.c': {'kill', 'waitpid'},
    'base/rng.c': {'mmap', 'munmap', 'mlock', 'madvise'},
    'base/secret.c': {'mmap', 'munmap', 'mprotect', 'mlock', 'madvise', 'prctl', 'setrlimit'},
}

MAY_INCLUDE = {
    'net/http_conn.c': {'linux/sockios.h'},
    'daemon/supervisor.c': {'sys/wait.h'},
    'identity/qr.c': {'qrencode.h', 'png.h'},
    'ledger/publisher.c': {'sys/eventfd.h'}, # wakes the scribe's own wait
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(<([^>]*)>|"([^"]*)")', re.M)
CALL = re.compile(r'(?<![\w.>])(?<!->)(' + '|'.join(SYSTEM_CALLS) + r')\(')
NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def read_layers(root):
    layers, named = {}, {}
    with open(os.path.join(root, 'src', 'LAYERS'), encoding='utf-8') as f:
        for line in f:
            words = line.split('#')[0].split()
            if words:
                layers[words[1]] = int(words[0])
                named[words[1]] = set(words[2:])
    return layers, named


def blank(match):
    """Replaces a comment or literal, keeping its line breaks."""
    return re.sub(r'[^\n]', ' ', match.group(0))


def check_includes(path, folder, text, layers, named):
    for m in INCLUDE.finditer(text):
        line = text.count('\n', 0, m.start()) + 1
        library, own = m.group(2), m.group(3)
        if library is not None:
            if library in MAY_INCLUDE.get(path, ()):
                continue
            for pattern, allowed in LIBRARIES.items():
                if re.fullmatch(pattern, library) and folder not in allowed:
                    yield f'src/{path}:{line}: <{library}> belongs to {", ".join(sorted(allowed))}'
            continue
        other = own.split('/')[0]
        if '/' not in own or other not in layers:
            yield f'src/{path}:{line}: "{own}" names no folder of src'
        elif other != folder:
            if own.endswith('_priv.h'):
                yield f'src/{path}:{line}: "{own}" is private to {other}'
            if layers[other] >= layers[folder] and other not in named[folder]:
                yield f'src/{path}:{line}: {folder} may not include "{own}"'


def check_calls(path, folder, text):
    if folder == 'sys':
        return
    code = NOISE.sub(blank, text)
    for m in CALL.finditer(code):
        if m.group(1) not in MAY_CALL.get(path, set()):
            line = code.count('\n', 0, m.start()) + 1
            yield f'src/{path}:{line}: {m.group(1)}() is called by sys only'


def check(root):
    layers, named = read_layers(root)
    src = os.path.join(root, 'src')
    for folder in sorted(os.listdir(src)):
        if not os.path.isdir(os.path.join(src, folder)):
            continue
        if folder not in layers:
            yield f'src/{folder}: not in src/LAYERS'
            continue
        for where, _, names in sorted(os.walk(os.path.join(src, folder))):
            for name in sorted(names):
                if name.endswith(('.c', '.h', '.cc', '.S')):
                    full = os.path.join(where, name)
                    path = os.path.relpath(full, src)
                    with open(full, encoding='utf-8') as f:
                        text = f.read()
                    yield from check_includes(path, folder, text, layers, named)
                    yield from check_calls(path, folder, text)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), '..')
    breaches = list(check(root))
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


if __name__ == '__main__':
    sys.exit(main())
