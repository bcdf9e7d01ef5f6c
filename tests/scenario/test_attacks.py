"""Attacks on accounts and access, from outside: each is refused, each refusal is an entry with who and whence."""
import base64
import concurrent.futures
import hashlib
import hmac
import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from kit import oidc, server as kit, totp
from kit.people import User, client, policy, statement
from kit.signin import AGENT, PASSWORD, Person, Rest, code_of, log, operator, person, refusals, size

ELSEWHERE = '127.0.0.2'
ALLOW_ASSUME = statement('sts:AssumeRole')


@pytest.fixture(scope='module')
def world(tmp_path_factory):
    """acme and zeta with an approver each, the provider's staff, one issuer of web identities."""
    with oidc.Issuer(str(tmp_path_factory.mktemp('issuer'))) as issuer:
        server = kit.Server(tmp_path_factory.mktemp('attacks'), f'identity:\n  oidc_ca: {issuer.ca}\n').start()
        w = SimpleNamespace(server=server, issuer=issuer, operator=operator(server))
        try:
            w.acme, w.zeta = server.tenant('acme'), server.tenant('zeta')
            w.operator.ok('PUT', 'realms/platform/parameters/P-IAM-5', {'value': '3'})
            w.sam = Person(w.operator, 'platform', 'sam', 'staff')
            w.lin = Person(w.operator, 'acme', 'lin', 'approver')
            w.zoe = Person(w.operator, 'zeta', 'zoe', 'approver')
            w.account = client(server, 'sts', w.acme.access_key, w.acme.secret_key).get_caller_identity()['Account']
            yield w
        finally:
            server.stop()


@pytest.fixture
def iam(world):
    return User.iam_of(world.acme)


# --- signing in ---


#= 2.1.4-1 test
def test_a_code_is_good_once_everywhere(world, iam):
    mei = person(world.acme, 'mei')
    iam.put_user_policy(UserName='mei', PolicyName='assume', PolicyDocument=policy(ALLOW_ASSUME))
    made = iam.create_access_key(UserName='mei')['AccessKey']
    sts = client(world.server, 'sts', made['AccessKeyId'], made['SecretAccessKey'])
    serial = f'arn:aws:iam::{world.account}:mfa/mei'
    before = size(world.acme)

    used = mei.code()
    waiting = mei.password_step(Rest(world.server, source=ELSEWHERE))
    full = waiting.ok('POST', 'session/totp', {'code': used})
    assert full['stage'] == 'full'
    # on the way once, looked at over the shoulder: at sts, at a step-up, at another login
    assert code_of(sts.get_session_token, SerialNumber=serial, TokenCode=used) == 'AccessDenied'
    assert mei.rest.post('session/step-up', {'code': used}).status == 401
    assert mei.password_step().post('session/totp', {'code': used}).status == 401
    # ... and the other way round
    used = mei.code()
    sts.get_session_token(SerialNumber=serial, TokenCode=used)
    assert mei.password_step().post('session/totp', {'code': used}).status == 401
    failed = refusals(world.acme, before, 'auth.failed')
    assert len(failed) == 4 and all(e['actor']['ip'] == '127.0.0.1' for e in failed)
    assert {e['actor']['id'] for e in failed} == {'mei', 'acme/user/mei'}


def test_many_codes_at_once(world, iam):
    """A stolen access key and guesses by the dozen: none of them gets past the wait that the first began."""
    user = User(world.acme, 'guessed', ALLOW_ASSUME)
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName='guessed')['VirtualMFADevice']
    seed, step = base64.b32decode(device['Base32StringSeed']), totp.step_now()
    iam.enable_mfa_device(UserName='guessed', SerialNumber=device['SerialNumber'],
                          AuthenticationCode1=totp.code(seed, step - 1), AuthenticationCode2=totp.code(seed, step))
    right = {totp.code(seed, s) for s in range(step - 2, step + 4)}
    wrong = [c for c in (f'{n:06}' for n in range(80)) if c not in right][:40]
    sts = user.client('sts')

    def guess(code):
        try:
            sts.get_session_token(SerialNumber=device['SerialNumber'], TokenCode=code)
        except ClientError as e:
            return e.response['Error']['Message']
        raise AssertionError('a wrong code was taken')

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        said = list(pool.map(guess, wrong))
    assert sum('too many failed' in text for text in said) >= 30, said
    assert sum('invalid MFA' in text for text in said) <= 8, said


#= 2.1.4-7 test
def test_spray(world):
    """One password over many names: the source waits, whatever it says of itself; the owner comes in from elsewhere."""
    before = size(world.acme)
    source = Rest(world.server, source='127.0.0.3')
    statuses = []
    for i in range(40):
        name = 'lin' if i % 10 == 9 else f'nobody{i}'
        answer = source.post('login', {'realm': 'acme', 'user': name, 'password': 'Spring-time-2026'},
                             **{'X_Forwarded_For': f'203.0.113.{i}', 'X_Real_IP': f'203.0.113.{i}',
                                'Forwarded': f'for=203.0.113.{i}'})
        statuses.append(answer.status)
        if statuses[-2:] == [429, 429]:
            break
    assert statuses[:30] == [401] * 30 and statuses[-2:] == [429, 429], statuses
    assert source.post('login', {'realm': 'acme', 'user': 'lin', 'password': PASSWORD}).status == 429
    assert world.lin.password_step().token
    failed = refusals(world.acme, before, 'auth.failed')
    assert {e['actor']['ip'] for e in failed} == {'127.0.0.3'} and 'lin' in {e['actor']['id'] for e in failed}
    assert '203.0.113' not in json.dumps(log(world.acme, after=before))
    assert refusals(world.acme, before, 'lockout')


def test_a_name_too_long_for_an_entry(world):
    before = size(world.acme)
    answer = Rest(world.server, source='127.0.0.4').post(
        'login', {'realm': 'acme', 'user': 'x' * 100_000, 'password': 'whatever it may be'})
    assert answer.status == 401
    entry, = refusals(world.acme, before, 'auth.failed')
    assert set(entry['actor']['id']) == {'x'} and entry['actor']['ip'] == '127.0.0.4'


def test_fixation(world):
    """What an attacker planted before the sign-in does not grow with it."""
    planted = world.lin.password_step()
    victim = planted.like(token=None)
    cookie = {'Cookie': f'__Host-troth={planted.token}'}
    answer = victim.send('POST', 'login', {'realm': 'acme', 'user': 'lin', 'password': PASSWORD, 'cookie': True}, cookie)
    assert answer.status == 200 and planted.token not in answer.headers['Set-Cookie']
    assert planted.send('GET', 'self')['stage'] == 'factor'
    assert planted.send('GET', 'self/sessions').status == 403
    # the step's token is void once the next one is there
    full = planted.ok('POST', 'session/recovery', {'code': recovery(world.lin)})
    assert full['token'] != planted.token and planted.send('GET', 'self').status == 401


def recovery(who):
    if not hasattr(who, 'codes'):
        who.codes = who.rest.ok('POST', 'self/recovery-codes')['codes']
    return who.codes.pop()


def test_a_stolen_token(world):
    before = size(world.acme)
    token = world.lin.rest.token
    for thief in (Rest(world.server, token, source=ELSEWHERE), Rest(world.server, token, agent='curl/8'),
                  Rest(world.server, token[:-1] + ('A' if token[-1] != 'A' else 'B')), Rest(world.server, token + 'A')):
        assert thief.send('GET', 'self').status == 401, thief.source
    assert world.lin.rest.send('GET', 'self').status == 200
    platform = json.loads(world.operator.ok('GET', 'logs/platform/entries?count=500').text)['items']
    failed = [e['payload'] for e in platform if e['entry']['kind'] == 'auth.failed'] + refusals(world.acme, before)
    assert any(e['actor'] == {'agent': AGENT, 'ip': ELSEWHERE} and e['path'] == '/api/v1/self' for e in failed)


#= 2.1.4-7 test
def test_cross_site(world):
    """What another site can make a browser send with the cookie it has."""
    before = size(world.acme)
    browser = world.lin.password_step().like(token=None)
    first = browser.ok('POST', 'login', {'realm': 'acme', 'user': 'lin', 'password': PASSWORD, 'cookie': True})
    flags = first.headers['Set-Cookie'].split('; ')
    assert {'Path=/', 'Secure', 'HttpOnly', 'SameSite=Strict'} <= set(flags[1:]) and flags[0].startswith('__Host-troth=')
    assert 'token' not in first.body
    origin = world.server.address

    def send(path, csrf, cookie, body=None, **headers):
        return browser.send('POST', path, body or {}, {
            'Cookie': cookie, **({'X-Troth-CSRF': csrf} if csrf is not None else {}), **headers})

    step = send('session/recovery', first['csrf'], flags[0], {'code': recovery(world.lin)}, Origin=origin)
    assert step.status == 200, step
    cookie, csrf = step.headers['Set-Cookie'].split('; ')[0], step['csrf']
    path = 'self/factors/totp'
    other = world.lin.rest.ok('GET', 'self').body
    assert send(path, None, cookie, Origin=origin).status == 403
    assert send(path, first['csrf'], cookie, Origin=origin).status == 403 # of the step before
    assert send(path, '', cookie, Origin=origin).status == 403
    assert send(path, other['session'], cookie, Origin=origin).status == 403
    for foreign in ('https://evil.example', 'null', 'http://' + origin[8:], origin + '.evil.example', 'https://localhost', ''):
        assert send(path, csrf, cookie, Origin=foreign).status == 403, foreign
    assert send(path, csrf, cookie).status == 403 # none at all
    for kind in ('text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'):
        answer = browser.send('POST', path, b'{"name":"mine"}', {
            'Cookie': cookie, 'X-Troth-CSRF': csrf, 'Origin': origin, 'Content-Type': kind})
        assert answer.status == 415, kind
    assert browser.send('POST', path, b'{}', {'Cookie': f'{cookie}; {cookie}', 'X-Troth-CSRF': csrf, 'Origin': origin}).status == 400
    assert send(path, csrf, cookie, {'name': 'own'}, Origin=origin).status == 201
    # signing the victim in as the attacker
    answer = browser.send('POST', 'login', {'realm': 'acme', 'user': 'lin', 'password': PASSWORD, 'cookie': True},
                          {'Origin': 'https://evil.example'})
    assert answer.status == 403 and answer.headers['Set-Cookie'] is None
    assert len([e for e in refusals(world.acme, before) if e['actor'].get('id') == 'acme/user/lin']) >= 11


# --- web identities ---


def test_forged_identity_tokens(world, iam):
    """No signature, a signature by what is public, keys that the token brings along."""
    idp, name = world.issuer, world.issuer.url.split('://')[1]
    arn = iam.create_open_id_connect_provider(Url=idp.url, ClientIDList=['troth'],
                                              ThumbprintList=['0' * 40])['OpenIDConnectProviderArn']
    document = {'Version': '2012-10-17', 'Statement': [{
        'Effect': 'Allow', 'Principal': {'Federated': arn}, 'Action': 'sts:AssumeRoleWithWebIdentity',
        'Condition': {'StringEquals': {f'{name}:aud': 'troth', f'{name}:sub': 'job'}}}]}
    iam.create_role(RoleName='job', AssumeRolePolicyDocument=json.dumps(document))
    role = f'arn:aws:iam::{world.account}:role/job'
    sts = client(world.server, 'sts', 'none', 'none')
    good = idp.token(aud='troth', sub='job')
    head, body, signature = good.split('.')

    def encoded(header):
        return oidc.b64(json.dumps(header).encode())

    def ask(token, to=role):
        return code_of(sts.assume_role_with_web_identity, RoleArn=to, RoleSessionName='job-1', WebIdentityToken=token)

    def mac(header, secret):
        text = f'{encoded(header)}.{body}'
        return f'{text}.{oidc.b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}'

    assert ask(good) is None
    before = size(world.acme)
    public = idp.key.public_key()
    serialization = oidc.serialization
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    own = oidc.rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = own.public_key().public_numbers()
    jwk = {'kty': 'RSA', 'alg': 'RS256', 'n': oidc.number(numbers.n), 'e': oidc.number(numbers.e)}

    def brought(**header):
        text = f'{encoded({"alg": "RS256", **header})}.{body}'
        return f'{text}.{oidc.b64(own.sign(text.encode(), oidc.padding.PKCS1v15(), oidc.hashes.SHA256()))}'

    admin = oidc.b64(json.dumps({**json.loads(base64.urlsafe_b64decode(body + '==')), 'sub': 'admin'}).encode())
    forged = {
        'none': f'{encoded({"alg": "none", "kid": "k1"})}.{body}.',
        'None': f'{encoded({"alg": "None", "kid": "k1"})}.{body}.{signature}',
        'nothing': f'{encoded({"kid": "k1"})}.{body}.{signature}',
        'unsigned': f'{head}.{body}.',
        'hmac of the PEM': mac({'alg': 'HS256', 'kid': 'k1'}, pem),
        'hmac of the modulus': mac({'alg': 'HS256', 'kid': 'k1'}, public.public_numbers().n.to_bytes(256, 'big')),
        'hmac of nothing': mac({'alg': 'HS256', 'kid': 'k1'}, b''),
        'its own key': brought(jwk=jwk, kid='k1'),
        'its own key and no name': brought(jwk=jwk),
        'a key elsewhere': brought(jku='https://evil.example/keys', kid='k1'),
        'a path as key': brought(kid='../../dev/null'),
        'crit': f'{encoded({"alg": "RS256", "kid": "k1", "crit": ["exp"]})}.{body}.{signature}',
        'another algorithm': f'{encoded({"alg": "PS256", "kid": "k1"})}.{body}.{signature}',
        'ES256': f'{encoded({"alg": "ES256", "kid": "k1"})}.{body}.{signature}',
        'another payload': f'{head}.{admin}.{signature}',
        'two tokens': f'{good}.{signature}',
        'white space': f'{head}.{body}.{signature}\n',
    }
    for what, token in forged.items():
        assert ask(token) in ('InvalidIdentityToken', 'ValidationError'), what
    # its token at another tenant's role, at a role for users, at a role built in
    for to in (role.replace(world.account, '0' * 12), f'arn:aws:iam::{world.account}:role/storage-owner',
               f'arn:aws:iam::{world.account}:role/absent'):
        assert ask(good, to) in ('AccessDenied', 'InvalidIdentityToken'), to
    denied = refusals(world.acme, before, 'access.denied')
    assert len(denied) >= 16 and all(e['actor']['ip'] == '127.0.0.1' for e in denied)
