"""S3 over a raw TLS socket: an own small SigV4 signer, for what Debian's clients don't send or send right only."""
import base64
import binascii
import datetime
import hashlib
import hmac
import re
import socket
import ssl
from urllib.parse import quote

EMPTY = hashlib.sha256(b'').hexdigest()
CRC64NVME_POLY = 0x9A6C9329AC4BC9B5


def crc64nvme(data):
    crc = 0xFFFFFFFFFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (CRC64NVME_POLY if crc & 1 else 0)
    return crc ^ 0xFFFFFFFFFFFFFFFF


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def checksum(algorithm, data):
    """Base64 as x-amz-checksum-<algorithm> has it."""
    raw = {'crc32': lambda: binascii.crc32(data).to_bytes(4, 'big'),
           'crc32c': lambda: crc32c(data).to_bytes(4, 'big'),
           'crc64nvme': lambda: crc64nvme(data).to_bytes(8, 'big'),
           'sha1': lambda: hashlib.sha1(data).digest(),
           'sha256': lambda: hashlib.sha256(data).digest()}[algorithm]()
    return base64.b64encode(raw).decode()


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def code(self):
        """S3's error code, or None."""
        m = re.search(rb'<Code>([^<]*)</Code>', self.body)
        return m.group(1).decode() if m else None

    def __repr__(self):
        return f'<{self.status} {self.code or ""} {self.body[:300]!r}>'


class Connection:
    """One TLS connection; raw bytes in, answers out."""

    def __init__(self, server, timeout=30):
        context = ssl.create_default_context(cafile=server.ca)
        self.socket = context.wrap_socket(socket.create_connection(('127.0.0.1', server.port), timeout=timeout),
                                          server_hostname='127.0.0.1')
        self.buffer = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def fill(self):
        """Reads more; False at the end."""
        try:
            part = self.socket.recv(1 << 16)
        except (ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            part = b''
        self.buffer += part
        return bool(part)

    def is_closed(self):
        """The server has ended the connection: nothing more comes."""
        while self.fill():
            pass
        return True

    def head(self):
        while b'\r\n\r\n' not in self.buffer:
            if not self.fill():
                raise EOFError(f'closed after {self.buffer[:200]!r}')
        head, self.buffer = self.buffer.split(b'\r\n\r\n', 1)
        first, *lines = head.decode('latin-1').split('\r\n')
        headers = {}
        for line in lines:
            name, _, value = line.partition(':')
            headers[name.lower()] = value.strip()
        return int(first.split()[1]), headers

    def take(self, n):
        while len(self.buffer) < n:
            if not self.fill():
                raise EOFError('body cut short')
        part, self.buffer = self.buffer[:n], self.buffer[n:]
        return part

    def answer(self, method='GET'):
        """The next final answer (1xx are passed over)."""
        status, headers = self.head()
        while status < 200:
            status, headers = self.head()
        if method == 'HEAD' or status in (204, 304):
            return Answer(status, headers, b'')
        if headers.get('transfer-encoding') == 'chunked':
            body = b''
            while True:
                while b'\r\n' not in self.buffer:
                    self.fill()
                size, self.buffer = self.buffer.split(b'\r\n', 1)
                part = self.take(int(size, 16) + 2)
                if part == b'\r\n':
                    return Answer(status, headers, body)
                body += part[:-2]
        return Answer(status, headers, self.take(int(headers.get('content-length', '0'))))


class Signer:
    """SigV4 for one tenant."""

    def __init__(self, tenant, service='s3'):
        self.tenant, self.service = tenant, service
        self.host = f'127.0.0.1:{tenant.server.port}'

    def key(self, date):
        key = ('AWS4' + self.tenant.secret_key).encode()
        for part in (date, self.tenant.region, self.service, 'aws4_request'):
            key = sign(key, part)
        return key

    def scope(self, stamp):
        return f'{stamp[:8]}/{self.tenant.region}/{self.service}/aws4_request'

    def string_to_sign(self, stamp, canonical):
        return '\n'.join(['AWS4-HMAC-SHA256', stamp, self.scope(stamp), hashlib.sha256(canonical.encode()).hexdigest()])

    @staticmethod
    def canonical_query(query):
        return '&'.join(f'{quote(k, safe="-_.~")}={quote(v, safe="-_.~")}' for k, v in sorted(query.items()))

    def headers(self, method, path, query=None, headers=None, payload=EMPTY, at=None):
        """All headers of a signed request, as a dict; `path` is percent-encoded."""
        at = at or datetime.datetime.now(datetime.timezone.utc)
        stamp = at.strftime('%Y%m%dT%H%M%SZ')
        signed = {'host': self.host, 'x-amz-content-sha256': payload, 'x-amz-date': stamp,
                  **{k.lower(): v for k, v in (headers or {}).items()}}
        names = ';'.join(sorted(signed))
        canonical = '\n'.join([method, path, self.canonical_query(query or {}),
                               *[f'{k}:{signed[k].strip()}' for k in sorted(signed)], '', names, payload])
        signature = sign(self.key(stamp[:8]), self.string_to_sign(stamp, canonical)).hex()
        signed['authorization'] = (f'AWS4-HMAC-SHA256 Credential={self.tenant.access_key}/{self.scope(stamp)}, '
                                   f'SignedHeaders={names}, Signature={signature}')
        self.seed, self.stamp = signature, stamp
        return signed

    def presign(self, method, path, expires=300, at=None, headers=None):
        at = at or datetime.datetime.now(datetime.timezone.utc)
        stamp = at.strftime('%Y%m%dT%H%M%SZ')
        signed = {'host': self.host, **(headers or {})}
        query = {'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
                 'X-Amz-Credential': f'{self.tenant.access_key}/{self.scope(stamp)}',
                 'X-Amz-Date': stamp, 'X-Amz-Expires': str(expires), 'X-Amz-SignedHeaders': ';'.join(sorted(signed))}
        canonical = '\n'.join([method, path, self.canonical_query(query), *[f'{k}:{signed[k]}' for k in sorted(signed)],
                               '', ';'.join(sorted(signed)), 'UNSIGNED-PAYLOAD'])
        signature = sign(self.key(stamp[:8]), self.string_to_sign(stamp, canonical)).hex()
        return f'{path}?{self.canonical_query(query)}&X-Amz-Signature={signature}'

    # --- aws-chunked ---

    def chunks_signed(self, parts, trailer=None, spoil=None):
        """The body of STREAMING-AWS4-HMAC-SHA256-PAYLOAD[-TRAILER]; `spoil`: number of a chunk with a wrong signature."""
        previous, out = self.seed, b''
        for i, part in enumerate([*parts, b'']):
            text = '\n'.join(['AWS4-HMAC-SHA256-PAYLOAD', self.stamp, self.scope(self.stamp), previous, EMPTY,
                              hashlib.sha256(part).hexdigest()])
            previous = sign(self.key(self.stamp[:8]), text).hex()
            shown = previous if spoil != i else previous[:-1] + ('0' if previous[-1] != '0' else '1')
            out += f'{len(part):x};chunk-signature={shown}\r\n'.encode() + part + (b'\r\n' if part else b'')
        if trailer is None:
            return out + b'\r\n'
        lines = ''.join(f'{k}:{v}\n' for k, v in trailer.items())
        text = '\n'.join(['AWS4-HMAC-SHA256-TRAILER', self.stamp, self.scope(self.stamp), previous,
                          hashlib.sha256(lines.encode()).hexdigest()])
        signature = sign(self.key(self.stamp[:8]), text).hex()
        if spoil == 'trailer':
            signature = signature[:-1] + ('0' if signature[-1] != '0' else '1')
        return (out + ''.join(f'{k}:{v}\r\n' for k, v in trailer.items()).encode() +
                f'x-amz-trailer-signature:{signature}\r\n\r\n'.encode())

    @staticmethod
    def chunks_plain(parts, trailer):
        out = b''.join(f'{len(p):x}\r\n'.encode() + p + b'\r\n' for p in parts) + b'0\r\n'
        return out + ''.join(f'{k}:{v}\r\n' for k, v in trailer.items()).encode() + b'\r\n'


def head_bytes(method, target, headers):
    return (f'{method} {target} HTTP/1.1\r\n' + ''.join(f'{k}: {v}\r\n' for k, v in headers.items()) + '\r\n').encode()


def request(tenant, method, path, query=None, headers=None, body=b'', payload=None, at=None, wire=None, service='s3'):
    """One signed request on a connection of its own. `wire`: other bytes in place of the body."""
    signer = Signer(tenant, service)
    path = path if '%' in path else quote(path, safe='/-_.~')
    payload = payload if payload is not None else hashlib.sha256(body).hexdigest()
    all_headers = signer.headers(method, path, query, headers, payload, at)
    sent = body if wire is None else wire
    if method in ('PUT', 'POST') or sent:
        all_headers.setdefault('content-length', str(len(sent)))
    target = path + ('?' + Signer.canonical_query(query) if query else '')
    with Connection(tenant.server) as c:
        try:
            c.send(head_bytes(method, target, all_headers) + sent)
        except (BrokenPipeError, ConnectionResetError):
            pass # refused before all was sent: the answer tells
        return c.answer(method)
