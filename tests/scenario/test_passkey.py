"""Passkeys by a real browser's virtual authenticators against the real endpoints: registered, second factor, clone, alone."""
import json
import os
import subprocess

import pytest

from kit.browser import Browser
from kit.server import clean_environment

PASSWORD = 'nine blue herons over the weir'


@pytest.fixture
def browser():
    one = Browser()
    yield one
    one.close()


@pytest.fixture
def api(make_server, browser):
    """POST to /api/v1: as the local operator, or by HTTPS with a session's token."""
    server = make_server(f'identity:\n  rp_origin: "{browser.origin}"\n')

    def call(path, body=None, token=None, operator=False, status=200, method='POST'):
        base = 'http://localhost' if operator else server.address
        way = ['--unix-socket', os.path.join(server.dir, 'troth.sock')] if operator else ['--cacert', server.ca]
        who = ['-H', f'Authorization: Bearer {token}'] if token else []
        done = subprocess.run(['curl', '-sS', '-w', '\n%{http_code}', '-X', method, '-H', 'Content-Type: application/json', *who, *way,
                               '--data', json.dumps(body or {}), f'{base}/api/v1/{path}'],
                              env=clean_environment(), capture_output=True, text=True, check=False, timeout=60)
        text, _, code = done.stdout.rpartition('\n')
        assert code == str(status), f'{path}: {code}: {text}{done.stderr}'
        return json.loads(text) if text.strip() else None

    call.server = server
    return call


def enrol(api, browser, name):
    """A person of tenant acme with a password and a passkey."""
    api('realms/acme/users', {'name': name, 'owner': 'Lin Wei'}, operator=True, status=201)
    code = api(f'realms/acme/users/{name}/reset', operator=True, status=201)['code']
    step = api('login/enrol', {'code': code, 'password': PASSWORD})
    assert step['stage'] == 'enrol'
    begun = api('self/factors/passkey/begin', token=step['token'])
    made = browser.create(begun['options'])
    done = api('self/factors/passkey', {'name': 'laptop', 'response': made}, token=step['token'])
    assert done['stage'] == 'full' and done['factors'] == ['passkey']
    api('self/factors/passkey', {'name': 'again', 'response': made}, token=step['token'], status=401)
    return done


#= 2.1.4-1 test
def test_a_passkey_as_the_second_factor(api, browser):
    api.server.tenant('acme')
    which = browser.authenticator()
    full = enrol(api, browser, 'lin')
    again = api('self/factors/passkey/begin', token=full['token'])['options']
    assert len(again['excludeCredentials']) == 1 and browser.create(again) == {'error': 'InvalidStateError'}

    # the factor anew within the session: approvals ask for a fresh one
    options = api('session/passkey/begin', token=full['token'])['options']
    api('session/passkey', {'response': browser.get(options)}, token=full['token'], status=204)

    def begin():
        step = api('login', {'realm': 'acme', 'user': 'lin', 'password': PASSWORD})
        assert step['stage'] == 'factor'
        return step['token'], api('session/passkey/begin', token=step['token'])['options']

    token, options = begin()
    answer = browser.get(options)
    assert api('session/passkey', {'response': answer}, token=token)['stage'] == 'full'
    token, _ = begin()
    api('session/passkey', {'response': answer}, token=token, status=401) # of another challenge

    # a copy of the key whose counter stayed behind
    credential = browser.credentials(which)[0]
    token, options = begin()
    assert api('session/passkey', {'response': browser.get(options)}, token=token)['stage'] == 'full'
    browser.authenticator_remove(which)
    which = browser.authenticator()
    browser.credential_add(which, {**credential, 'signCount': 1})
    token, options = begin()
    api('session/passkey', {'response': browser.get(options)}, token=token, status=401)
    kinds = {entry['entry']['kind'] for entry in api.server.entries('acme')}
    assert 'factor.add' in kinds and 'auth.failed' in kinds
    api.server.stop()


#= 2.1.4-1 test
def test_a_passkey_alone_where_the_tenant_says_so(api, browser):
    api.server.tenant('acme')
    api.server.tenant('other')
    browser.authenticator()
    enrol(api, browser, 'lin')
    api('login/passkey/begin', {'realm': 'acme'}, status=403)
    for realm in ('acme', 'other'):
        api(f'realms/{realm}/parameters/P-AUTH-2', {'value': 'yes'}, operator=True, method='PUT')
    begun = api('login/passkey/begin', {'realm': 'acme'})
    answer = browser.get(begun['options'])
    assert answer['response']['userHandle']
    full = api('login/passkey', {'realm': 'acme', 'state': begun['state'], 'response': answer})
    assert full['stage'] == 'full' and full['user'] == 'lin'
    api('login/passkey', {'realm': 'acme', 'state': begun['state'], 'response': answer}, status=401) # once
    begun = api('login/passkey/begin', {'realm': 'other'})
    answer = browser.get(begun['options'])
    api('login/passkey', {'realm': 'other', 'state': begun['state'], 'response': answer}, status=401) # acme's person
    api.server.stop()
