"""A Troth of its own in a temporary folder, driven from outside: the binary, its processes, its tenants."""
import json
import os
import re
import signal
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TROTH = os.environ.get('TROTH_BINARY', os.path.join(ROOT, 'build', 'dev', 'src', 'cli', 'troth'))
ROLES = ('keeper', 'scribe', 'edge')
# What must not stand in the operator's log: errors, and reports of sanitizers.
BAD_LINE = re.compile(r'^\S+ error\b|ERROR: |runtime error|WARNING: ThreadSanitizer|forbidden')


def clean_environment(**more):
    """What a child gets: nothing of the caller's own credentials, proxies or certificates."""
    return {'PATH': '/usr/bin:/bin:/usr/sbin:/sbin', 'LANG': 'C.UTF-8', 'HOME': '/nonexistent',
            'AWS_EC2_METADATA_DISABLED': 'true', 'AWS_MAX_ATTEMPTS': '3', **more}


def wait_for(condition, seconds=20, what='condition'):
    """Polls until the condition holds; returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f'{what}: not within {seconds} s')
        time.sleep(0.02)


class Tenant:
    def __init__(self, server, created):
        self.server, self.name = server, created['tenant']
        self.access_key, self.secret_key = created['access_key_id'], created['secret_access_key']
        self.region = created['region']

    def environment(self, home):
        return clean_environment(HOME=str(home), AWS_ACCESS_KEY_ID=self.access_key,
                                 AWS_SECRET_ACCESS_KEY=self.secret_key, AWS_DEFAULT_REGION=self.region,
                                 AWS_CA_BUNDLE=self.server.ca, AWS_CONFIG_FILE=os.path.join(str(home), 'aws.config'),
                                 AWS_SHARED_CREDENTIALS_FILE='/nonexistent')

    def entries(self, *kinds):
        """Entries of the tenant's log: dicts with index, entry, payload; of these kinds, or all."""
        return [e for e in self.server.entries(self.name) if not kinds or e['entry']['kind'] in kinds]


class Server:
    """Started by start(); stop() checks the exit status and that no error stands in the log but those expected."""

    def __init__(self, folder, settings='', init=()):
        self.dir = os.path.join(str(folder), 'state')
        self.log_path = os.path.join(str(folder), 'server.log')
        self.ca = os.path.join(self.dir, 'tls', 'ca.crt')
        self.process, self.address, self.expected = None, None, []
        self.serve_options, self.environment = [], {}
        made = self.troth('init', *init)
        assert made.returncode == 0, made.stderr
        self.init_output = made.stdout
        if settings:
            self.add_settings(settings)

    def add_settings(self, text):
        with open(os.path.join(self.dir, 'troth.yaml'), 'a', encoding='utf-8') as f:
            f.write(text)

    # --- the command line ---

    def troth(self, *args, text=True, prefix=(), **more):
        command = [*prefix, TROTH, *args]
        return subprocess.run(command, env=clean_environment(TROTH_DIR=self.dir), capture_output=True, text=text,
                              check=False, timeout=120, **more)

    def troth_ok(self, *args, **more):
        done = self.troth(*args, **more)
        assert done.returncode == 0, f'troth {" ".join(args)}: {done.returncode}: {done.stderr}'
        return done.stdout

    def troth_json(self, *args):
        return json.loads(self.troth_ok(*args, '--json'))

    def tenant(self, name, *options):
        return Tenant(self, self.troth_json('tenant', 'create', name, *options))

    def entries(self, log, *options):
        return [json.loads(line) for line in
                self.troth_ok('log', 'entries', '--tenant', log, '--json', *options).splitlines()]

    # --- life ---

    def spawn(self):
        with open(self.log_path, 'ab') as log:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen([TROTH, 'serve', '--dir', self.dir, '--listen', self.listen_at(),
                                             *self.serve_options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                            stderr=log, text=True, env=clean_environment(**self.environment))
        return self.process

    def listen_at(self):
        """The same port after a restart, so that clients go on."""
        return f'127.0.0.1:{self.port}' if self.address else '127.0.0.1:0'

    def start(self):
        line = self.spawn().stdout.readline()
        assert line.startswith('ready https://'), f'{line!r}; log: {self.log_tail()}'
        self.address = line.split()[1]
        return self

    @property
    def port(self):
        return int(self.address.rsplit(':', 1)[1])

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=60):
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f'SIGTERM: still there after {seconds} s; log: {self.log_tail()}') from None
        process.stdout.close()
        assert status == 0, f'exit status {status}; log: {self.log_tail()}'
        self.check_log()

    def kill(self):
        """The supervisor by SIGKILL, which takes its roles along: nothing is checked."""
        roles = self.roles().values()
        process, self.process = self.process, None
        process.kill()
        process.wait()
        process.stdout.close()
        wait_for(lambda: not any(os.path.exists(f'/proc/{pid}') for pid in roles), 10, 'the roles are gone')

    # --- its processes ---

    def roles(self):
        """{role: pid} of those that run."""
        found = {}
        pid = self.process.pid
        try:
            with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
                children = f.read().split()
        except FileNotFoundError:
            return found
        for child in children:
            try:
                with open(f'/proc/{child}/cmdline', 'rb') as f:
                    words = f.read().split(b'\0')
            except FileNotFoundError:
                continue
            if b'--role' in words:
                found[words[words.index(b'--role') + 1].decode()] = int(child)
        return found

    def kill_role(self, role):
        """Ends one role by SIGKILL; False when it was not there just now."""
        pid = self.roles().get(role)
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def expect(self, *patterns):
        """Errors in the log that the test causes on purpose."""
        self.expected += [re.compile(p) for p in patterns]

    def log_text(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as f:
            return f.read()

    def log_tail(self, lines=15):
        return '\n'.join(self.log_text().splitlines()[-lines:])

    def check_log(self):
        bad = [line for line in self.log_text().splitlines()
               if BAD_LINE.search(line) and not any(p.search(line) for p in self.expected)]
        assert not bad, 'errors in the log:\n' + '\n'.join(bad[:20])
