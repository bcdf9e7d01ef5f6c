"""Signing in as a page does it: Chromium, its cookies and its rules of origin, a virtual authenticator, the server's own address."""
import json
import shutil

import pytest

from kit.browser import Browser
from kit.signin import Rest, log, operator

pytestmark = pytest.mark.skipif(shutil.which('chromedriver') is None, reason='chromedriver is not there')

PASSWORD = 'nine blue herons over the weir'
CALL = '''const [method, path, body, csrf, done] = arguments;
const headers = {'Content-Type': 'application/json'};
if (csrf !== null) headers['X-Troth-CSRF'] = csrf;
fetch('/api/v1/' + path, {method: method, headers: headers, body: body === null ? undefined : JSON.stringify(body)})
    .then(async a => { const t = await a.text(); done({status: a.status, body: t ? JSON.parse(t) : null}); }, e => done({error: String(e)}));'''
# What another site's page may try: a form without a question, JSON with one.
FOREIGN = '''const [url, body, type, mode, done] = arguments;
fetch(url, {method: 'POST', credentials: 'include', mode: mode, headers: {'Content-Type': type}, body: body})
    .then(a => done({status: a.status, type: a.type}), e => done({error: e.name}));'''


class Tab:
    """A page of the server that signs somebody in by cookie."""

    def __init__(self, server, browser):
        self.server, self.browser, self.csrf = server, browser, None
        self.home()

    def home(self):
        self.browser.goto(f'https://localhost:{self.server.port}/healthz')

    def call(self, method, path, body=None, status=200, csrf=True):
        got = self.browser.run(CALL, method, path, body, self.csrf if csrf else None)
        assert got.get('status') == status, (path, got)
        if got['body'] and 'csrf' in got['body']:
            self.csrf = got['body']['csrf']
        return got['body']

    def login(self):
        step = self.call('POST', 'login', {'realm': 'acme', 'user': 'lin', 'password': PASSWORD, 'cookie': True})
        assert step['stage'] == 'factor' and 'token' not in step
        return self.call('POST', 'session/passkey/begin', {})['options']

    def cookie(self):
        return self.browser.cookies().get('__Host-troth')


@pytest.fixture
def tab(make_server):
    server = make_server()
    browser = Browser(server)
    try:
        yield Tab(server, browser)
    finally:
        browser.close()


def enrol(tab):
    local = operator(tab.server)
    local.ok('POST', 'realms/acme/users', {'name': 'lin', 'owner': 'Lin Wei'})
    code = local.ok('POST', 'realms/acme/users/lin/reset')['code']
    assert tab.call('POST', 'login/enrol', {'code': code, 'password': PASSWORD, 'cookie': True})['stage'] == 'enrol'
    first = tab.cookie()
    options = tab.call('POST', 'self/factors/passkey/begin', {})['options']
    assert options['rp']['id'] == 'localhost'
    made = tab.browser.create(options)
    done = tab.call('POST', 'self/factors/passkey', {'name': 'laptop', 'response': made})
    assert done['stage'] == 'full' and tab.cookie()['value'] != first['value']


#= 2.1.4-1 test
#= 2.1.4-7 test
def test_a_day_of_a_person(tab):
    tenant, browser = tab.server.tenant('acme'), tab.browser
    which = browser.authenticator()
    enrol(tab)
    cookie = tab.cookie()
    assert cookie['httpOnly'] and cookie['secure'] and cookie['sameSite'] == 'Strict' and cookie['path'] == '/'
    assert cookie['domain'] == 'localhost' and 'expiry' not in cookie
    assert browser.run('arguments[0](document.cookie)') == ''
    # the cookie alone changes nothing; a second passkey on the same device is none
    tab.call('POST', 'self/factors/passkey/begin', {}, status=403, csrf=False)
    assert browser.create(tab.call('POST', 'self/factors/passkey/begin', {})['options']) == {'error': 'InvalidStateError'}
    # the factor anew, in the session that runs
    before = tab.call('GET', 'self')['mfa']
    tab.call('POST', 'session/passkey', {'response': browser.get(tab.call('POST', 'session/passkey/begin', {})['options'])}, status=204)
    assert tab.call('GET', 'self')['mfa'] > before
    tab.call('DELETE', 'session', status=204)
    assert tab.cookie() is None
    tab.call('GET', 'self', status=401)
    # a new day, with the cookie of yesterday
    tab.call('POST', 'session/passkey', {'response': browser.get(tab.login())})
    assert tab.call('GET', 'self')['stage'] == 'full' and tab.cookie()['value'] != cookie['value']
    stolen = Rest(tab.server).send('GET', 'self', None, {'Cookie': f'__Host-troth={tab.cookie()["value"]}'})
    assert stolen.status == 401 # another program on the same machine
    tab.call('DELETE', 'session', status=204)

    # nobody touched the device, or it did not see who did
    options = tab.login()
    browser.verifies(which, False)
    assert browser.get(options) == {'error': 'NotAllowedError'}
    lazy = browser.get({**options, 'userVerification': 'discouraged'})
    tab.call('POST', 'session/passkey', {'response': lazy}, status=401)
    browser.verifies(which, True)
    # a page elsewhere on the same name gets an answer for its own origin alone
    options = tab.login()
    browser.goto(browser.origin + '/')
    phished = browser.get(options)
    tab.home()
    tab.call('POST', 'session/passkey', {'response': phished}, status=401)
    assert [e['payload']['actor']['ip'] for e in log(tenant, 'auth.failed')][-2:] == ['127.0.0.1'] * 2
    # a passkey alone, where the tenant wants it
    tab.call('POST', 'login/passkey/begin', {'realm': 'acme'}, status=403)
    operator(tab.server).ok('PUT', 'realms/acme/parameters/P-AUTH-2', {'value': 'yes'})
    begun = tab.call('POST', 'login/passkey/begin', {'realm': 'acme'})
    full = tab.call('POST', 'login/passkey', {
        'realm': 'acme', 'state': begun['state'], 'response': browser.get(begun['options']), 'cookie': True})
    assert full['stage'] == 'full' and tab.call('GET', 'self')['user'] == 'lin'


#= 2.1.4-7 test
def test_another_site_in_the_same_browser(tab):
    tab.server.tenant('acme')
    browser = tab.browser
    browser.authenticator()
    enrol(tab)
    at = f'https://localhost:{tab.server.port}/api/v1/'
    browser.goto(browser.origin + '/')
    for path, body in (('self/factors/totp', {'name': 'mine'}), ('self/recovery-codes', {}),
                       ('login', {'realm': 'acme', 'user': 'eve', 'password': 'x' * 12, 'cookie': True})):
        sent = browser.run(FOREIGN, at + path, json.dumps(body), 'text/plain', 'no-cors')
        assert sent.get('type') == 'opaque', sent # it went out, and nothing of the answer is seen
        assert browser.run(FOREIGN, at + path, json.dumps(body), 'application/json', 'cors') == {'error': 'TypeError'}
    tab.home()
    assert [f['kind'] for f in tab.call('GET', 'self/factors')['items']] == ['passkey']
    assert tab.call('GET', 'self')['user'] == 'lin'
