"""REST as an attacker speaks it: requests as they are, from any address; and people who sign in with a TOTP of their own."""
import http.client
import json
import os
import socket
import ssl

from botocore.exceptions import ClientError

from kit import s3, totp

PASSWORD = 'seven grey herons over the weir'
AGENT = 'kit/1.0'


class Answer:
    def __init__(self, answer):
        self.status, self.headers = answer.status, answer.headers
        text = answer.read()
        self.text = text.decode('utf-8', 'replace')
        self.body = json.loads(text) if text and 'json' in (self.headers['Content-Type'] or '') else None

    def __getitem__(self, name):
        return self.body[name]

    def __repr__(self):
        return f'<{self.status} {self.text[:300]}>'


class Management(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('localhost', timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Rest:
    """Calls below /api/v1. `source`: the address it comes from; `socket`: as the local operator."""

    def __init__(self, server, token=None, source='127.0.0.1', agent=AGENT, management=False):
        self.server, self.token, self.source, self.agent, self.management = server, token, source, agent, management

    def like(self, **more):
        return Rest(self.server, **{'token': self.token, 'source': self.source, 'agent': self.agent, **more})

    def connection(self):
        if self.management:
            return Management(os.path.join(self.server.dir, 'troth.sock'))
        return http.client.HTTPSConnection('127.0.0.1', self.server.port, timeout=60, source_address=(self.source, 0),
                                           context=ssl.create_default_context(cafile=self.server.ca))

    def send(self, method, path, body=None, headers=None):
        """`body`: an object, or bytes as they are."""
        all_headers = {'User-Agent': self.agent, **({'Authorization': f'Bearer {self.token}'} if self.token else {})}
        if body is not None:
            all_headers['Content-Type'] = 'application/json'
        all_headers.update(headers or {})
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = self.connection()
        try:
            connection.request(method, '/api/v1/' + path, data, all_headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def ok(self, method, path, body=None, headers=None):
        answer = self.send(method, path, body, headers)
        assert answer.status < 300, f'{method} {path}: {answer}'
        return answer

    def post(self, path, body=None, **headers):
        return self.send('POST', path, body, {k.replace('_', '-'): v for k, v in headers.items()})


def operator(server):
    """Whoever runs the machine, on the management socket."""
    return Rest(server, management=True)


class Person:
    """A person with password and TOTP, signed in wholly: `rest`. `admin` makes the account."""

    def __init__(self, admin, realm, name, *roles):
        self.server, self.realm, self.name = admin.server, realm, name
        admin.ok('POST', f'realms/{realm}/users', {'name': name, 'owner': 'Lin Wei'})
        for role in roles:
            admin.ok('PUT', f'realms/{realm}/users/{name}/roles/{role}')
        code = admin.ok('POST', f'realms/{realm}/users/{name}/reset')['code']
        self.rest = Rest(self.server)
        self.take(self.rest.ok('POST', 'login/enrol', {'code': code, 'password': PASSWORD}))
        begun = self.rest.ok('POST', 'self/factors/totp', {'name': 'phone'})
        self.phone = totp.Phone(begun['seed'])
        self.take(self.rest.ok('POST', f'self/factors/totp/{begun["id"]}', {'code': self.code()}))

    def take(self, answer):
        self.rest.token, self.stage = answer['token'], answer['stage']

    def code(self):
        return self.phone.code()

    def password_step(self, rest=None):
        """A session that waits for the second factor."""
        rest = rest or Rest(self.server)
        step = rest.ok('POST', 'login', {'realm': self.realm, 'user': self.name, 'password': PASSWORD})
        assert step['stage'] == 'factor'
        return rest.like(token=step['token'])


def code_of(call, **arguments):
    """The error code, or None where it went well."""
    try:
        call(**arguments)
        return None
    except ClientError as e:
        return e.response['Error']['Code']


class Keys:
    """As Rest.ok, signed with a tenant's root keys."""

    def __init__(self, tenant):
        self.tenant, self.server = tenant, tenant.server

    def ok(self, method, path, body=None, query=None):
        data = b'' if body is None else json.dumps(body).encode()
        answer = s3.request(self.tenant, method, '/api/v1/' + path, query, {'content-type': 'application/json'} if data else {}, data,
                            service='troth')
        assert answer.status < 300, f'{method} {path}: {answer}'
        return json.loads(answer.body) if answer.body else None


def person(tenant, name, *roles):
    """A person of a tenant, made by its root keys: where it is claimed the provider can't."""
    return Person(Keys(tenant), tenant.name, name, *roles)


# --- the log, as the tenant's root keys read it ---


def log(tenant, *kinds, after=0):
    """Entries as the tenant's root keys read them: the provider may not any more."""
    found, at, end = [], after, None
    while end is None or at < end: # reading is an entry, too
        page = Keys(tenant).ok('GET', f'logs/{tenant.name}/entries', query={'from': str(at), 'count': '500'})
        end = page['size'] if end is None else end
        found, at = found + page['items'], page['items'][-1]['index'] + 1
    return [e for e in found if e['entry']['kind'] in kinds or not kinds]


def size(tenant):
    return log(tenant)[-1]['index'] + 1


def refusals(tenant, after, *kinds):
    return [e['payload'] for e in log(tenant, *(kinds or ('access.denied', 'auth.failed')), after=after)]
