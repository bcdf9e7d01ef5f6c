"""HTTP attacks: request smuggling, broken framing, slow clients. 400 and close wherever nginx or the best of others refuses."""
import socket
import ssl
import subprocess
import time

import pytest

from kit import s3 as raw
from kit.server import clean_environment

GOOD = b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
H = b'Host: x\r\n'


def statuses(server, data):
    """What a connection answers to these bytes, and to a good request behind them."""
    found = []
    with raw.Connection(server, timeout=20) as c:
        try:
            c.send(data + GOOD)
        except OSError:
            pass
        try:
            while True:
                found.append(c.answer().status)
        except (EOFError, OSError):
            return found


ATTACKS = {
    'length and encoding': b'POST / HTTP/1.1\r\n' + H + b'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'two lengths that differ': b'POST / HTTP/1.1\r\n' + H + b'Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc',
    'two lengths': b'POST / HTTP/1.1\r\n' + H + b'Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc',
    'list of lengths': b'POST / HTTP/1.1\r\n' + H + b'Content-Length: 3, 3\r\n\r\nabc',
    'signed length': b'POST / HTTP/1.1\r\n' + H + b'Content-Length: +3\r\n\r\nabc',
    'length with junk': b'POST / HTTP/1.1\r\n' + H + b'Content-Length: 3x\r\n\r\nabc',
    'hexadecimal length': b'POST / HTTP/1.1\r\n' + H + b'Content-Length: 0x3\r\n\r\nabc',
    'negative length': b'POST / HTTP/1.1\r\n' + H + b'Content-Length: -3\r\n\r\nabc',
    'length beyond 2^64': b'POST / HTTP/1.1\r\n' + H + b'Content-Length: 18446744073709551617\r\n\r\nabc',
    'space before colon': b'POST / HTTP/1.1\r\n' + H + b'Content-Length : 3\r\n\r\nabc',
    'bare LF in the head': b'GET / HTTP/1.1\nHost: x\n\n',
    'bare LF after a header': b'GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n',
    'bare CR': b'GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n',
    'unknown encoding': b'POST / HTTP/1.1\r\n' + H + b'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    'gzip before chunked': b'POST / HTTP/1.1\r\n' + H + b'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'chunked twice': b'POST / HTTP/1.1\r\n' + H + b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'folded header': b'GET / HTTP/1.1\r\n' + H + b'A: b\r\n c\r\n\r\n',
    'NUL in a header': b'GET / HTTP/1.1\r\n' + H + b'A: b\0c\r\n\r\n',
    'control byte in a name': b'GET / HTTP/1.1\r\n' + H + b'A\x01: b\r\n\r\n',
    'no Host': b'GET / HTTP/1.1\r\n\r\n',
    'two Hosts': b'GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n',
    'no version': b'GET /\r\n\r\n',
    'HTTP/2 preface': b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'space in the target': b'GET /a b HTTP/1.1\r\n' + H + b'\r\n',
    'control byte in the target': b'GET /a\x01 HTTP/1.1\r\n' + H + b'\r\n',
    'relative target': b'GET a HTTP/1.1\r\n' + H + b'\r\n',
    'empty header name': b'GET / HTTP/1.1\r\n' + H + b': b\r\n\r\n',
    'header without colon': b'GET / HTTP/1.1\r\n' + H + b'Abc\r\n\r\n',
    'huge header': b'GET / HTTP/1.1\r\n' + H + b'A: ' + b'b' * 70000 + b'\r\n\r\n',
    'many headers': b'GET / HTTP/1.1\r\n' + H + b'A: b\r\n' * 5000 + b'\r\n',
    'long target': b'GET /' + b'a' * 70000 + b' HTTP/1.1\r\n' + H + b'\r\n',
    'TLS in TLS': b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + b'\0' * 64,
}


#= 2.1.3-8 test
@pytest.mark.parametrize('name', ATTACKS)
def test_attack(server, name):
    """One refusal, and nothing behind it is heard."""
    got = statuses(server, ATTACKS[name])
    assert len(got) <= 1 and all(400 <= s < 600 for s in got), got


def test_pipelining_of_good_requests(server):
    with raw.Connection(server) as c:
        c.send(GOOD * 5)
        assert [c.answer().status for _ in range(5)] == [200] * 5


@pytest.mark.parametrize('body', [b'5\nhello\r\n0\r\n\r\n', b'5\r\nhelloX\r\n0\r\n\r\n', b'-5\r\nhello\r\n0\r\n\r\n',
                                  b'0x5\r\nhello\r\n0\r\n\r\n', b'5 \r\nhello\r\n0\r\n\r\n', b'ffffffffffffffffff\r\n', b'\r\n',
                                  b'5;' + b'a' * 20000 + b'\r\nhello\r\n0\r\n\r\n'])
def test_chunked_framing(tenant, body):
    raw.request(tenant, 'PUT', '/bkt')
    headers = raw.Signer(tenant).headers('PUT', '/bkt/k', None, None, 'UNSIGNED-PAYLOAD')
    data = raw.head_bytes('PUT', '/bkt/k', {**headers, 'transfer-encoding': 'chunked'}) + body
    got = statuses(tenant.server, data)
    assert len(got) <= 1 and all(400 <= s < 600 for s in got), got
    assert raw.request(tenant, 'GET', '/bkt/k').code == 'NoSuchKey'


def openssl(server, *options):
    return subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{server.port}', '-CAfile', server.ca, *options],
                          input=b'', env=clean_environment(), capture_output=True, timeout=20, check=False)


#= 2.1.3-1 test
@pytest.mark.parametrize('version', ['-tls1_2', '-tls1_1', '-tls1'])
def test_older_tls_is_refused(server, version):
    done = openssl(server, version, '-cipher', 'ALL:@SECLEVEL=0')
    assert done.returncode != 0
    assert b'alert protocol version' in done.stderr or b'no protocols available' in done.stderr, done.stderr
    if version == '-tls1_2':
        assert b'alert protocol version' in done.stderr


#= 2.1.3-1 test
def test_tls_1_3_and_the_certificate(server):
    done = openssl(server, '-tls1_3', '-verify_return_error', '-verify_ip', '127.0.0.1')
    assert b'Verify return code: 0 (ok)' in done.stdout and b'TLSv1.3' in done.stdout, done.stdout


def test_plain_http_is_no_answer(server):
    with socket.create_connection(('127.0.0.1', server.port), timeout=20) as s:
        s.sendall(GOOD)
        try:
            assert b'HTTP' not in s.recv(1000)
        except ConnectionResetError:
            pass


def test_slow_clients(make_server):
    """A client that does not shake hands, end its head, or go on with its body is ended; others are served meanwhile."""
    server = make_server('http: {handshake_timeout: 1s, head_timeout: 1s, idle_timeout: 1s, stall_timeout: 2s}\n')
    tenant = server.tenant('acme')
    raw.request(tenant, 'PUT', '/bkt')
    headers = raw.Signer(tenant).headers('PUT', '/bkt/k', None, None, 'UNSIGNED-PAYLOAD')
    silent = socket.create_connection(('127.0.0.1', server.port))
    heads = [raw.Connection(server) for _ in range(10)]
    bodies = [raw.Connection(server) for _ in range(10)]
    for c in heads:
        c.send(b'GET / HTTP/1.1\r\nHost: x\r\n')
    for c in bodies:
        c.send(raw.head_bytes('PUT', '/bkt/k', {**headers, 'content-length': '1000'}) + b'x')
    started = time.monotonic()
    assert raw.request(tenant, 'GET', '/bkt', {'list-type': '2'}).status == 200
    silent.settimeout(15)
    assert silent.recv(1000) == b''
    assert all(c.is_closed() for c in heads + bodies)
    assert time.monotonic() - started < 15
    assert raw.request(tenant, 'GET', '/bkt/k').code == 'NoSuchKey'


def test_connections_per_address(make_server):
    server = make_server('http: {connections_per_address: 5}\n')
    held = []
    with pytest.raises((OSError, EOFError, ssl.SSLError)):
        for _ in range(7):
            held.append(raw.Connection(server, timeout=5))
            held[-1].send(GOOD)
            held[-1].answer()
    assert len(held) >= 5
    for c in held:
        c.close()
