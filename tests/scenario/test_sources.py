"""Whence people manage: networks (P-IAM-6) and client certificates (P-IAM-7), for signing in and for administrative actions."""
import ssl
import subprocess

import pytest
from kit.people import policy, statement
from kit.rest import Person, Rest, Signed

OUTSIDE = '127.0.0.2'


class Manager(Person):
    """Calls from `source`; shows `certificate`, a file with a key beside it."""
    certificate = None

    def connection(self):
        made = super().connection()
        if self.certificate:
            context = ssl.create_default_context(cafile=self.server.ca)
            context.load_cert_chain(self.certificate)
            made._context = context # pylint: disable=protected-access
        return made

    def password(self, status, password=None):
        body = {'realm': self.realm, 'user': self.name, 'password': password or self.PASSWORD}
        return self.post('login', body, status=status)


class Away(Signed):
    def connection(self):
        made = super().connection()
        made.source_address = (OUTSIDE, 0)
        return made


def failures(server, realm, name):
    """Reasons of the entries auth.failed that name this person."""
    return [e['payload']['error'] for e in server.entries(realm)
            if e['entry']['kind'] == 'auth.failed' and e['payload']['actor'].get('id') == name]


def counters(operator, realm):
    return operator.get(f'realms/{realm}/evidence/identity')['counters']


@pytest.fixture
def operator(server):
    return Rest(server, is_local=True)


#= 2.1.4-9 test
def test_networks(server, operator, tenant):
    realm = tenant.name
    at = f'realms/{realm}/'
    li = Manager(operator, realm, 'li', 'security-administrator')
    sun = Manager(operator, realm, 'sun')
    ci = operator.post(at + 'users', {'name': 'ci', 'kind': 'service', 'owner': 'li'}, status=201)
    for name in ('sun', 'ci'):
        server.troth_ok('policy', 'put-inline', 'groups', '--user', name, '--realm', realm,
                        '--document', policy(statement(['iam:CreateGroup', 'iam:ListGroups'])))
    before = counters(operator, realm)
    shown = next(p for p in operator.get(at + 'parameters')['items'] if p['id'] == 'P-IAM-6')
    assert (ci['name'], shown['kind'], shown['value'], shown['since']) == ('ci', 'networks', '', None)
    # Nobody locks out themselves; what is no list is refused.
    said = li.put(at + 'parameters/P-IAM-6', {'value': '10.0.0.0/8'}, status=409)['detail']
    assert '127.0.0.1' in said and 'lock yourself out' in said
    said = li.put(at + 'parameters/P-IAM-6', {'value': '127.0.0.1,office'}, status=400)['detail']
    assert "'office' is no network" in said
    networks = '127.0.0.1,10.0.0.0/8,2001:db8::/32'
    assert li.put(at + 'parameters/P-IAM-6', {'value': networks}, status=200)['value'] == networks
    assert networks in server.troth_ok('param', 'list', '--realm', realm)
    # From outside right credentials are refused, with the reason; wrong ones as everywhere.
    sun.source = OUTSIDE
    right = sun.password(403)['detail']
    assert OUTSIDE in right and 'P-IAM-6' in right
    assert 'P-IAM-6' not in sun.password(401, 'wrong')['detail']
    code = operator.post(at + 'users/sun/reset', status=201)['code']
    enrol = {'code': code, 'password': sun.PASSWORD}
    sun.token = None
    sun.post('login/enrol', enrol, status=403)
    sun.source = None
    sun.enrol(code) # it was left good
    # ... by an access key too, of a person; programs are not people.
    for name, status in (('sun', 403), ('ci', 201)):
        made = operator.post(at + f'users/{name}/access-keys', {}, status=201)
        key = (made['access_key_id'], made['secret_access_key'])
        Signed(server, *key).get(at + 'groups')
        away = Away(server, *key)
        away.get('self')
        got = away.call('POST', at + 'groups', {'name': f'of-{name}'})
        assert got.status == status, got
        if status == 403:
            assert got['reason'] == 'outside-range' and 'P-IAM-6' in got['detail']
    explain = {'principal': 'li', 'action': 'iam:CreateGroup', 'mfa': True}
    assert operator.post(at + 'access/explain', explain)['verdict'] == 'allowed'
    explain['context'] = {'aws:SourceIp': '192.0.2.7'}
    told = operator.post(at + 'access/explain', explain)
    assert (told['verdict'], told['reason']) == ('denied', 'outside-range') and '网络' in told['text_zh']
    # Counted and written down, with who and why.
    now = counters(operator, realm)
    assert now['login.outside-range'] - before['login.outside-range'] == 2
    assert now['login.failed'] - before['login.failed'] == 1
    assert now['login'] - before['login'] == 1
    assert sum('P-IAM-6' in why for why in failures(server, realm, 'sun')) == 2
    denied = [e['payload'] for e in tenant.entries('access.denied')]
    assert any('P-IAM-6' in d['error'] and d['actor']['ip'] == OUTSIDE for d in denied)
    # By the command line: anywhere again.
    server.troth_ok('param', 'set', 'P-IAM-6', '', '--realm', realm)
    sun.source = OUTSIDE
    sun.password(200)


@pytest.fixture
def authority(tmp_path):
    """An authority of client certificates: its file, and a function that makes one with its key."""
    def openssl(*args):
        subprocess.run(['openssl', *args], check=True, capture_output=True, cwd=tmp_path)

    def issue(name, ca):
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', f'{name}.key', '-out',
                f'{name}.csr', '-subj', f'/CN={name}')
        (tmp_path / 'ext').write_text('extendedKeyUsage=clientAuth\n')
        openssl('x509', '-req', '-in', f'{name}.csr', '-CA', f'{ca}.crt', '-CAkey', f'{ca}.key', '-CAcreateserial', '-days', '2',
                '-extfile', 'ext', '-out', f'{name}.crt')
        both = tmp_path / f'{name}.pem'
        both.write_text((tmp_path / f'{name}.crt').read_text() + (tmp_path / f'{name}.key').read_text())
        return str(both)

    for ca in ('ca', 'other'):
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', f'{ca}.key', '-out',
                f'{ca}.crt', '-subj', f'/CN={ca}', '-days', '2')
    return str(tmp_path / 'ca.crt'), issue


#= 2.1.4-8 test
def test_certificates(make_server, authority):
    ca, issue = authority
    server = make_server(f'tls:\n  client_ca: "{ca}"\n  client_auth: optional\n')
    operator = Rest(server, is_local=True)
    server.tenant('acme')
    li = Manager(operator, 'acme', 'li', 'security-administrator')
    at = 'realms/acme/'
    said = li.put(at + 'parameters/P-IAM-7', {'value': 'yes'}, status=409)['detail']
    assert 'client certificate' in said and 'lock yourself out' in said
    own = li.certificate = issue('li', 'ca')
    li.put(at + 'parameters/P-IAM-7', {'value': 'yes'}, status=200)
    li.post(at + 'groups', {'name': 'with'}, status=201)
    # Without it, or with one of somebody else's making.
    li.certificate = None
    got = li.post(at + 'groups', {'name': 'without'}, status=403)
    assert got['reason'] == 'no-certificate' and 'P-IAM-7' in got['detail']
    li.get('self')
    li.token = None
    assert 'P-IAM-7' in li.password(403)['detail']
    assert 'P-IAM-7' not in li.password(401, 'wrong')['detail']
    li.certificate = issue('mallory', 'other')
    with pytest.raises((ssl.SSLError, ConnectionError)):
        li.password(403)
    li.certificate = own
    li.login()
    now = counters(operator, 'acme')
    assert (now['login'], now['login.certificate'], now['login.no-certificate']) == (2, 1, 1)
    assert any('P-IAM-7' in why for why in failures(server, 'acme', 'li'))
