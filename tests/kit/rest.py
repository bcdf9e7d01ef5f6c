"""The REST interface as a client: every answer is held against docs/api/openapi.json."""
import datetime
import hashlib
import hmac
import http.client
import json
import os
import re
import socket
import ssl
import urllib.parse

from kit import server as kit
from kit.totp import Phone

with open(os.path.join(kit.ROOT, 'docs', 'api', 'openapi.json'), encoding='utf-8') as f:
    DOCUMENT = json.load(f)
METHODS = ('get', 'post', 'put', 'patch', 'delete')
TYPES = {'string': str, 'integer': int, 'boolean': bool, 'object': dict, 'array': list, 'null': type(None)}


def resolve(node):
    while '$ref' in node:
        at = DOCUMENT
        for part in node['$ref'].removeprefix('#/').split('/'):
            at = at[part]
        node = at
    return node


def check(value, schema, place='body'):
    """A small part of JSON Schema: type, enum, required, properties, additionalProperties, items."""
    schema = resolve(schema)
    types = schema.get('type')
    if types is not None:
        wanted = [types] if isinstance(types, str) else types
        fits = [t for t in wanted if isinstance(value, TYPES[t]) and not (t == 'integer' and isinstance(value, bool))]
        assert fits, f'{place}: {value!r} is no {types}'
    if 'enum' in schema:
        assert value in schema['enum'], f'{place}: {value!r} is none of {schema["enum"]}'
    if schema.get('format') == 'date-time' and value is not None:
        assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z', value), f'{place}: {value!r}'
    if isinstance(value, dict):
        known = schema.get('properties', {})
        for name in schema.get('required', ()):
            assert name in value, f'{place}: {name} is missing'
        for name, one in value.items():
            if name in known:
                check(one, known[name], f'{place}.{name}')
            else:
                more = schema.get('additionalProperties', True)
                assert more is not False, f'{place}: {name} is not in the document'
                if isinstance(more, dict):
                    check(one, more, f'{place}.{name}')
    if isinstance(value, list) and 'items' in schema:
        for i, one in enumerate(value):
            check(one, schema['items'], f'{place}[{i}]')


def operations():
    """{(METHOD, path template)} of the document."""
    return {(m.upper(), path) for path, item in DOCUMENT['paths'].items() for m in METHODS if m in item}


def operation_of(method, path):
    """The template that fits with the most fixed elements."""
    have = path.split('?')[0].split('/')
    best = None
    for m, template in operations():
        want = template.split('/')
        if m == method and len(want) == len(have) and all(w == h or w.startswith('{') for w, h in zip(want, have)):
            fixed = sum(not w.startswith('{') for w in want)
            if best is None or fixed > best[0]:
                best = (fixed, template)
    assert best, f'{method} {path} is not in the document'
    return best[1]


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        kind = headers.get('content-type', '').split(';')[0]
        self.json = json.loads(body) if kind.endswith('json') and body else None

    def __getitem__(self, key):
        return self.json[key]

    def __repr__(self):
        return f'<{self.status} {self.body[:500]!r}>'


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('localhost', timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


class Rest:
    """Calls without credentials: on the socket (is_local) the local operator's, else nobody's."""
    seen = set() # operations that were answered as the document says

    def __init__(self, server, is_local=False, source=None, agent='tests/1'):
        self.server, self.is_local, self.source, self.agent = server, is_local, source, agent

    def connection(self):
        if self.is_local:
            return UnixConnection(os.path.join(self.server.dir, 'troth.sock'))
        context = ssl.create_default_context(cafile=self.server.ca)
        return http.client.HTTPSConnection('127.0.0.1', self.server.port, context=context, timeout=60,
                                           source_address=(self.source, 0) if self.source else None)

    def credentials(self, method, path, body):
        return {}

    def raw(self, method, path, body=None, headers=None):
        """body: bytes, or what becomes JSON."""
        connection = self.connection()
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        sent = {'User-Agent': self.agent, **({'Content-Type': 'application/json'} if data is not None else {}),
                **self.credentials(method, path, data or b''), **(headers or {})}
        connection.request(method, path, data, {k: v for k, v in sent.items() if v is not None})
        got = connection.getresponse()
        answer = Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
        connection.close()
        return answer

    def call(self, method, path, body=None, status=None, **headers):
        path = '/api/v1/' + path
        answer = self.raw(method, path, body, {k.replace('_', '-'): v for k, v in headers.items()})
        self.validate(method, path, answer)
        if status is not None:
            assert answer.status == status, f'{method} {path}: {answer}'
        return answer

    def validate(self, method, path, answer):
        template = operation_of(method, path)
        responses = DOCUMENT['paths'][template][method.lower()]['responses']
        described = resolve(responses.get(str(answer.status), responses['default']))
        assert (answer.status < 400) == (str(answer.status) in responses), f'{method} {path}: {answer}'
        content = described.get('content', {})
        kind = answer.headers.get('content-type', '').split(';')[0]
        assert kind in content or not content, f'{method} {path}: {kind!r}'
        if answer.json is not None and 'jsonl' not in kind:
            check(answer.json, content[kind]['schema'], f'{method} {template}')
        assert answer.headers['cache-control'] == 'no-store'
        assert answer.headers['x-content-type-options'] == 'nosniff'
        if answer.status < 400:
            self.seen.add((method, template))

    def get(self, path, status=200, **headers):
        return self.call('GET', path, None, status, **headers)

    def post(self, path, body=None, status=200, **headers):
        return self.call('POST', path, body, status, **headers)

    def put(self, path, body=None, status=204, **headers):
        return self.call('PUT', path, body, status, **headers)

    def patch(self, path, body, status=200, **headers):
        return self.call('PATCH', path, body, status, **headers)

    def delete(self, path, status=204, **headers):
        return self.call('DELETE', path, None, status, **headers)


class Bearer(Rest):
    def __init__(self, server, token, **more):
        super().__init__(server, **more)
        self.token = token

    def credentials(self, method, path, body):
        return {'Authorization': f'Bearer {self.token}'}


class Signed(Rest):
    """SigV4 with the service name "troth"."""

    def __init__(self, server, key, secret, token=None, service='troth', region='us-east-1'):
        super().__init__(server)
        self.key, self.secret, self.token, self.service, self.region = key, secret, token, service, region

    def credentials(self, method, path, body):
        stamp = datetime.datetime.now(datetime.timezone.utc).strftime('%Y%m%dT%H%M%SZ')
        host = f'127.0.0.1:{self.server.port}'
        at, _, query = path.partition('?')
        pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
        names = 'host;x-amz-date' + (';x-amz-security-token' if self.token else '')
        canonical = '\n'.join([method, urllib.parse.quote(at, safe='/'),
                               '&'.join(f'{urllib.parse.quote(k, safe="")}={urllib.parse.quote(v, safe="")}' for k, v in pairs),
                               f'host:{host}', f'x-amz-date:{stamp}', *([f'x-amz-security-token:{self.token}'] if self.token else []),
                               '', names, hashlib.sha256(body).hexdigest()])
        scope = f'{stamp[:8]}/{self.region}/{self.service}/aws4_request'
        text = '\n'.join(['AWS4-HMAC-SHA256', stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ('AWS4' + self.secret).encode()
        for part in (stamp[:8], self.region, self.service, 'aws4_request'):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        return {'Host': host, 'X-Amz-Date': stamp, **({'X-Amz-Security-Token': self.token} if self.token else {}),
                'Authorization': f'AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, Signature={signature}'}


class Person(Bearer):
    """A person with password and TOTP, signed in by HTTPS. `operator` makes the account."""
    PASSWORD = 'seven quiet rivers under snow'

    def __init__(self, operator, realm, name, *roles, **more):
        super().__init__(operator.server, None)
        self.realm, self.name, self.phone = realm, name, None
        operator.post(f'realms/{realm}/users', {'name': name, 'owner': f'The person {name}', **more}, status=201)
        for role in roles:
            operator.put(f'realms/{realm}/users/{name}/roles/{role}')
        self.enrol(operator.post(f'realms/{realm}/users/{name}/reset', status=201)['code'])

    def credentials(self, method, path, body):
        return {'Authorization': f'Bearer {self.token}'} if self.token else {}

    def take(self, answer):
        self.token = answer['token']
        return answer

    def code(self):
        return self.phone.code()

    def enrol(self, code):
        self.token = None
        assert self.take(self.post('login/enrol', {'code': code, 'password': self.PASSWORD}))['stage'] == 'enrol'
        begun = self.post('self/factors/totp', {'name': 'phone'}, status=201)
        self.phone = Phone(begun['seed'])
        assert self.take(self.post(f'self/factors/totp/{begun["id"]}', {'code': self.code()}))['stage'] == 'full'

    def login(self):
        self.token = None
        self.take(self.post('login', {'realm': self.realm, 'user': self.name, 'password': self.PASSWORD}))
        assert self.take(self.post('session/totp', {'code': self.code()}))['stage'] == 'full'
        return self
