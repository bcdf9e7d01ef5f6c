"""The customer's side: witnesses that cosign, pull and catch a second history; evidence that is checked offline."""
import json
import os
import shutil
import signal
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kit.server import TROTH, clean_environment, wait_for


def troth(*args, status=0):
    done = subprocess.run([TROTH, *args], env=clean_environment(), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == status, f'{args}: {done.returncode}: {done.stdout}{done.stderr}'
    return done


class Witness:
    def __init__(self, folder):
        self.dir = os.path.join(str(folder), 'witness')
        self.process, self.address = None, None
        made = troth('witness', 'init', '--dir', self.dir, '--name', 'witness.example', '--json')
        self.vkey = json.loads(made.stdout)['vkey']
        self.ca = os.path.join(self.dir, 'tls', 'ca.crt')

    def serve(self):
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen([TROTH, 'witness', 'serve', '--dir', self.dir, '--listen', '127.0.0.1:0'],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment())
        self.address = self.process.stdout.readline().split()[2].removesuffix('/add-checkpoint')

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(20) == 0, self.process.stderr.read()
            self.process.stdout.close()
            self.process.stderr.close()
            self.process = None

    def follow(self, server, log):
        troth('witness', 'add', vkey_of(server, log), '--dir', self.dir, '--ca', server.ca,
              '--url', f'{server.address}/log/troth.local/{log}')

    def status(self, log, status=0):
        logs = json.loads(troth('witness', 'status', '--dir', self.dir, '--json', status=status).stdout)['logs']
        return next(one for one in logs if one['log'] == f'troth.local/{log}')

    def pull(self, status=0):
        return troth('witness', 'pull', '--dir', self.dir, status=status).stderr

    def alarms(self):
        return [os.path.join(folder, name) for folder, _, names in os.walk(self.dir) for name in names
                if name.startswith('alarm-')]


@pytest.fixture
def witness(tmp_path):
    one = Witness(tmp_path)
    yield one
    one.stop()


def package_of(server, log, path):
    server.troth_ok('log', 'export', '--tenant', log, '-o', str(path))
    with open(path, encoding='utf-8') as f:
        return json.loads(f.readline())


def vkey_of(server, log):
    return package_of(server, log, os.path.join(os.path.dirname(server.dir), 'vkey.package'))['vkey']


def published(server, log):
    return int(server.troth_ok('log', 'checkpoint', '--tenant', log).splitlines()[1])


def grow(server, names, count=2):
    for _ in range(count):
        server.tenant(names('grown'))
    size = len(server.entries('platform'))
    return wait_for(lambda: published(server, 'platform') >= size and published(server, 'platform'), what='publication')


#= 2.1.7-5 test
def test_cosigned_and_verified_offline(make_server, witness, tmp_path):
    witness.serve()
    server = make_server(f'ledger:\n  witnesses:\n    - {{vkey: "{witness.vkey}", url: "{witness.address}", ca: "{witness.ca}"}}\n',
                         start=False)
    server.start()
    server.tenant('acme')
    wait_for(lambda: published(server, 'acme') >= 1, what='publication')
    for log in ('acme', 'platform'):
        witness.follow(server, log)
    wait_for(lambda: 'witness.example' in server.troth_ok('log', 'checkpoint', '--tenant', 'acme'), 60, 'cosignature')

    package = tmp_path / 'acme.package'
    header = package_of(server, 'acme', package)
    policy = tmp_path / 'policy'
    policy.write_text(f'log {header["vkey"]}\nstatement {header["sealer"]}\nwitness w {witness.vkey}\nquorum w\n')
    said = json.loads(troth('verify', str(package), '--policy', str(policy), '--json').stdout)
    assert said['verified'] and said['key_trusted'] and said['sealer_trusted'] and said['findings'] == []
    assert said['cosignatures'] == 1 and said['witnessed_size'] == said['size']
    assert 'self-consistent' in troth('verify', str(package)).stdout
    assert '自洽' in troth('verify', str(package), '--lang', 'zh').stdout

    whole = package.read_bytes()
    for at in range(0, len(whole), 97):
        package.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        said = json.loads(troth('verify', str(package), '--policy', str(policy), '--json', status=1).stdout)
        assert not said['verified'] and said['line'] == whole[:at].count(b'\n') + 1

    receipt = tmp_path / 'receipt'
    server.troth_ok('log', 'prove', '--tenant', 'acme', '--index', '0', '-o', str(receipt))
    assert 'verified' in troth('verify', str(receipt), '--policy', str(policy)).stdout
    assert troth('verify', str(receipt), status=2).stderr
    receipt.write_text(receipt.read_text().replace('tenant.create', 'tenant.creaTe'))
    assert 'receipt' in troth('verify', str(receipt), '--policy', str(policy), status=1).stderr
    server.stop()


#= 2.1.5-3 test
def test_second_history_is_caught(make_server, witness, names):
    server = make_server()
    grow(server, names)
    witness.follow(server, 'platform')
    witness.pull()
    first = witness.status('platform')
    assert first['size'] > 0 and first['copied'] == first['size']

    server.stop()
    backup = server.dir + '.backup'
    shutil.copytree(server.dir, backup, ignore=shutil.ignore_patterns('*.sock'))
    server.start()
    grow(server, names, 4)
    witness.pull()
    seen = witness.status('platform')['size']
    assert seen > first['size']

    # set back to the copy: what came after is gone
    server.stop()
    shutil.rmtree(server.dir)
    os.rename(backup, server.dir)
    server.start()
    assert published(server, 'platform') < seen
    assert 'rollback' in witness.pull(status=1)
    assert witness.status('platform', status=1)['size'] == seen

    # and another history told instead
    while grow(server, names, 2) <= seen:
        pass
    assert 'fork' in witness.pull(status=1)
    assert witness.status('platform', status=1)['size'] == seen
    kinds = sorted(os.path.basename(path).split('-')[1] for path in witness.alarms())
    assert kinds == ['fork', 'rollback']
    proof = next(path for path in witness.alarms() if 'fork' in path)
    assert 'FORK' in troth('verify', proof, '--vkey', vkey_of(server, 'platform')).stdout
    text = open(proof, encoding='utf-8').read()
    with open(proof, 'w', encoding='utf-8') as f:
        f.write(text.replace('"kind":"fork"', '"kind":"fork" '))
    troth('verify', proof, status=1)


TSA_CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {dir}/serial
crypto_device = builtin
signer_cert = {dir}/tsa.crt
certs = {dir}/ca.crt
signer_key = {dir}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


class Authority:
    """A time-stamping authority (RFC 3161) over HTTPS, by openssl."""

    def __init__(self, folder):
        self.dir = str(folder)
        self.asked = 0
        self.openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=Test CA', '-days', '3', '-keyout', 'ca.key', '-out', 'ca.crt')
        self.leaf('tsa', 'extendedKeyUsage=critical,timeStamping')
        self.leaf('web', 'subjectAltName=IP:127.0.0.1')
        for name, text in (('serial', '01'), ('tsa.cnf', TSA_CONFIG.format(dir=self.dir))):
            with open(os.path.join(self.dir, name), 'w', encoding='utf-8') as f:
                f.write(text)
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                query = self.rfile.read(int(self.headers['Content-Length']))
                answer = authority.reply(query)
                self.send_response(200)
                self.send_header('Content-Type', 'application/timestamp-reply')
                self.send_header('Content-Length', str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(self.dir, 'web.crt'), os.path.join(self.dir, 'web.key'))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f'https://127.0.0.1:{self.server.server_port}/'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def openssl(self, *args):
        subprocess.run(['/usr/bin/openssl', *args], cwd=self.dir, check=True, capture_output=True, timeout=60)

    def leaf(self, name, extension):
        with open(os.path.join(self.dir, 'ext'), 'w', encoding='utf-8') as f:
            f.write(extension + '\n')
        self.openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', f'/CN={name}', '-keyout', f'{name}.key', '-out', f'{name}.csr')
        self.openssl('x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2',
                     '-extfile', 'ext', '-out', f'{name}.crt')

    def reply(self, query):
        self.asked += 1
        with open(os.path.join(self.dir, f'query{self.asked}'), 'wb') as f:
            f.write(query)
        name = f'reply{self.asked}'
        self.openssl('ts', '-reply', '-config', 'tsa.cnf', '-queryfile', f'query{self.asked}', '-out', name)
        with open(os.path.join(self.dir, name), 'rb') as f:
            return f.read()


def test_time_stamps(make_server, tmp_path):
    folder = tmp_path / 'authority'
    folder.mkdir()
    authority = Authority(folder)
    server = make_server(f'tsa: {{url: "{authority.url}", ca: "{folder}/ca.crt", every: 60s}}\n')
    server.tenant('acme')
    wait_for(lambda: published(server, 'acme') >= 1, what='publication')
    package = tmp_path / 'acme.package'

    def stamped():
        package_of(server, 'acme', package)
        return b'"timestamp":' in package.read_bytes()

    wait_for(stamped, 30, 'a time stamp')
    header = json.loads(package.read_text().splitlines()[0])
    policy = tmp_path / 'policy'
    policy.write_text(f'log {header["vkey"]}\nstatement {header["sealer"]}\nquorum none\ntsa authority/ca.crt\n')
    said = json.loads(troth('verify', str(package), '--policy', str(policy), '--json').stdout)
    assert said['timestamps'] == said['timestamps_verified'] == 1 and said['findings'] == []
    said = json.loads(troth('verify', str(package), '--vkey', header['vkey'], '--json').stdout)
    assert said['timestamps_verified'] == 0
    assert sorted(f['kind'] for f in said['findings']) == ['sealer', 'unverified_timestamp']
    authority.server.shutdown()
