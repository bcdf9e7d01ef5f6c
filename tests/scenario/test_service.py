"""The daemon as a service: start, stop, reload, refusals at the start, health."""
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from kit import s3 as raw
from kit.server import TROTH, Server, clean_environment, wait_for


def refused(server, *patterns):
    """A start that must fail: status 1 and a message that says why."""
    process = server.spawn()
    status = process.wait(30)
    process.stdout.close()
    server.process = None
    assert status == 1, status
    text = server.log_text()
    assert any(p in text for p in patterns), text[-500:]
    server.expect('.')


def test_two_servers_on_one_folder(make_server):
    server = make_server()
    done = server.troth('serve', '--listen', '127.0.0.1:0')
    assert done.returncode == 1 and done.stderr.strip(), done
    assert raw.request(server.tenant('acme'), 'GET', '/').status == 200


def test_newer_state(make_server):
    server = make_server(start=False)
    with open(os.path.join(server.dir, 'VERSION'), 'w', encoding='ascii') as f:
        f.write('troth-state 2\n')
    refused(server, 'newer', 'version')


@pytest.mark.parametrize('spoil', ['missing', 'open', 'changed', 'short'])
def test_root_key(make_server, spoil):
    server = make_server(start=False)
    path = os.path.join(server.dir, 'root.key')
    if spoil == 'missing':
        os.unlink(path)
    elif spoil == 'open':
        os.chmod(path, 0o644)
    else:
        with open(path, 'r+b') as f:
            if spoil == 'short':
                f.truncate(10)
            else:
                f.seek(os.path.getsize(path) // 2)
                f.write(b'~')
    refused(server, 'root key', 'root.key')


def test_init(tmp_path):
    server = Server(tmp_path)
    assert server.troth('init').returncode == 1 # nothing is overwritten
    assert server.troth('status').returncode == 1 # no server runs
    assert 'serve' in server.troth('status').stderr
    missing = subprocess.run([TROTH, 'serve', '--dir', str(tmp_path / 'none')], env=clean_environment(), check=False,
                             capture_output=True)
    assert missing.returncode == 1


@pytest.mark.parametrize('text,line', [
    ('nonsense: 1\n', 'nonsense'), ('drain: soon\n', 'drain'), ('loops: -1\n', 'loops'), ('loops: 10000\n', 'loops'),
    ('listen: [1]\n', 'listen'), ('a: &x 1\nb: *x\n', ''), ('\tx', ''), ('tls: {nonsense: 1}\n', 'nonsense')])
def test_configuration_errors(make_server, text, line):
    server = make_server(text, start=False)
    done = server.troth('config')
    assert done.returncode == 1 and line in done.stderr and 'line' in done.stderr, done.stderr
    refused(server, 'line')


def test_configuration_dump(make_server):
    server = make_server('drain: 7s\nhttp: {head: 32KiB}\n', start=False)
    text = server.troth_ok('config', '--dump')
    assert 'drain: 7' in text and 'head: 32' in text
    os.rename(os.path.join(server.dir, 'troth.yaml'), os.path.join(server.dir, 'old'))
    with open(os.path.join(server.dir, 'troth.yaml'), 'w', encoding='utf-8') as f:
        f.write(text)
    assert server.troth_ok('config', '--dump') == text


def test_health_and_metrics(server, tenant):
    raw.request(tenant, 'GET', '/')

    def get(path):
        with raw.Connection(server) as c:
            c.send(f'GET {path} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
            return c.answer()

    health = json.loads(get('/healthz').body)
    assert health == {'roles': {'edge': 'ok', 'keeper': 'ok', 'scribe': 'ok'}, 'status': 'ok'}
    metrics = get('/metrics').body.decode()
    assert 'troth_http_accepted_total' in metrics and 'ListBuckets' in metrics
    assert tenant.access_key not in metrics and tenant.name not in metrics


def test_metrics_are_for_whom_the_configuration_allows(make_server):
    server = make_server('metrics: {allow: [10.1.2.3]}\n')
    with raw.Connection(server) as c:
        c.send(b'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
        assert c.answer().status == 403


def fingerprint(server):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(socket.create_connection(('127.0.0.1', server.port))) as s:
        return s.getpeercert(binary_form=True)


def test_reload_of_certificates(make_server, tmp_path):
    server = make_server()
    tenant = server.tenant('acme')
    old = fingerprint(server)
    other = Server(tmp_path) # a second state folder: another certificate
    with raw.Connection(server) as held:
        held.send(b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
        assert held.answer().status == 200
        for name in ('server.crt', 'server.key', 'ca.crt'):
            shutil.copy(os.path.join(other.dir, 'tls', name), os.path.join(server.dir, 'tls', name))
        server.signal(signal.SIGHUP)
        wait_for(lambda: fingerprint(server) != old, 10, 'the new certificate')
        held.send(b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n') # the old connection goes on
        assert held.answer().status == 200
    assert raw.request(tenant, 'GET', '/').status == 200
    new = fingerprint(server)
    with open(os.path.join(server.dir, 'tls', 'server.crt'), 'w', encoding='ascii') as f:
        f.write('nonsense')
    server.expect('reload')
    server.signal(signal.SIGHUP) # a broken one is refused: what runs stays
    wait_for(lambda: 'reload' in server.log_text() and 'stays' in server.log_text(), 10, 'the refusal')
    assert fingerprint(server) == new


def test_sigterm_lets_a_download_end(make_server):
    server = make_server('drain: 20s\n')
    tenant = server.tenant('acme')
    raw.request(tenant, 'PUT', '/bkt')
    content = os.urandom(24_000_000)
    raw.request(tenant, 'PUT', '/bkt/k', body=content)
    with raw.Connection(server) as c:
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        c.send(raw.head_bytes('GET', '/bkt/k', raw.Signer(tenant).headers('GET', '/bkt/k')))
        assert c.head()[0] == 200
        stopper = threading.Thread(target=server.stop)
        stopper.start()
        time.sleep(0.3)
        body = bytearray()
        while len(body) < len(content): # slowly
            body += c.take(1_000_000)
            time.sleep(0.02)
        assert bytes(body) == content
        stopper.join(30)
    assert server.process is None
    with pytest.raises(OSError):
        socket.create_connection(('127.0.0.1', server.port), timeout=2)


def test_sigterm_ends_what_takes_too_long(make_server):
    server = make_server('drain: 1s\n')
    tenant = server.tenant('acme')
    raw.request(tenant, 'PUT', '/bkt')
    with raw.Connection(server) as c:
        headers = raw.Signer(tenant).headers('PUT', '/bkt/k', None, None, 'UNSIGNED-PAYLOAD')
        c.send(raw.head_bytes('PUT', '/bkt/k', {**headers, 'content-length': '1000'}) + b'x')
        time.sleep(0.3)
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 15
    server.start()
    assert raw.request(tenant, 'GET', '/bkt/k').code == 'NoSuchKey'


@pytest.mark.parametrize('role', ['keeper', 'scribe', 'edge'])
def test_a_killed_role_comes_back(make_server, role):
    server = make_server()
    tenant = server.tenant('acme')
    raw.request(tenant, 'PUT', '/bkt')
    raw.request(tenant, 'PUT', '/bkt/k', body=b'kept')
    server.expect('killed by signal 9', role, 'keeper', 'scribe', 'request', 'SERVICE', 'role')
    old = server.roles()
    assert set(old) == {'keeper', 'scribe', 'edge'}
    assert server.kill_role(role)
    started = time.monotonic()

    def get():
        try:
            answer = raw.request(tenant, 'GET', '/bkt/k')
        except (OSError, EOFError):
            assert role == 'edge' # the others never cost a connection
            return None
        assert answer.status == 200 or (answer.status == 503 and answer.headers['retry-after']), answer
        return answer.status == 200 and answer.body

    assert wait_for(get, 10, 'service') == b'kept'
    assert time.monotonic() - started < 5
    assert server.roles()[role] != old[role]
    assert {r: p for r, p in server.roles().items() if r != role} == {r: p for r, p in old.items() if r != role}


def test_supervisor_takes_its_roles_along(make_server):
    server = make_server()
    roles = server.roles()
    server.kill()
    wait_for(lambda: not any(os.path.exists(f'/proc/{p}') for p in roles.values()), 10, 'the roles are gone')
    server.start()


def test_roles_are_caged(server):
    """No new privileges, a filter, no capabilities, not dumpable; the edge holds no open file of the keeper's."""
    for role, pid in server.roles().items():
        with open(f'/proc/{pid}/status', encoding='ascii') as f:
            status = dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)
        assert status['NoNewPrivs'] == '1' and status['Seccomp'] == '2', role
        assert int(status['CapEff'], 16) == int(status['CapPrm'], 16) == 0, role
        assert os.stat(f'/proc/{pid}/environ').st_uid == 0, role # not dumpable: root's
        if role != 'keeper' and os.geteuid() == 0: # only root sees the descriptors of what is not dumpable
            paths = [os.readlink(f'/proc/{pid}/fd/{n}') for n in os.listdir(f'/proc/{pid}/fd')]
            assert not any('/keeper' in p or 'root.key' in p for p in paths), (role, paths)


def test_management_socket_is_for_the_owner(server):
    path = os.path.join(server.dir, 'troth.sock')
    assert os.stat(path).st_mode & 0o077 == 0 or os.stat(server.dir).st_mode & 0o077 == 0
    if os.geteuid() != 0:
        pytest.skip('only root can ask as somebody else')
    stranger = subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', TROTH, 'status'],
                              env=clean_environment(TROTH_DIR=server.dir), capture_output=True, text=True, check=False)
    assert stranger.returncode == 1


def test_certificate_beside_a_secret(make_server):
    """What parses strangers' bytes may read the certificate, not the folder with the root key in it."""
    server = make_server(start=False)
    for kind in ('crt', 'key'):
        shutil.copy(os.path.join(server.dir, 'tls', f'server.{kind}'), os.path.join(server.dir, f'own.{kind}'))
    server.add_settings(f'tls: {{certificate: "{server.dir}/own.crt", key: "{server.dir}/own.key"}}\n')
    refused(server, 'holds the root key')
