"""Chromium, headless, by the WebDriver protocol, with virtual authenticators (https://www.w3.org/TR/webauthn-3/#sctn-automation)."""
import base64
import hashlib
import json
import os
import signal
import ssl
import subprocess
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kit.server import clean_environment, wait_for

CREATE = '''const done = arguments[arguments.length - 1];
navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(arguments[0])})
    .then(c => done(c.toJSON()), e => done({error: e.name}));'''
GET = '''const done = arguments[arguments.length - 1];
navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(arguments[0])})
    .then(c => done(c.toJSON()), e => done({error: e.name}));'''


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'<!doctype html><title>page</title>')

    def log_message(self, *args):
        pass


def spki_of(port):
    """What --ignore-certificate-errors-spki-list names a server by."""
    der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(('127.0.0.1', port)))
    key = x509.load_der_x509_certificate(der).public_key()
    return base64.b64encode(hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()).decode()


class Browser:
    """One tab on http://localhost:PORT, which is a secure context. `server`: its certificate is taken."""

    def __init__(self, server=None):
        self.page = ThreadingHTTPServer(('127.0.0.1', 0), Page)
        self.origin = f'http://localhost:{self.page.server_port}'
        threading.Thread(target=self.page.serve_forever, daemon=True).start()
        self.open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        # pylint: disable=consider-using-with
        self.driver = subprocess.Popen(['chromedriver', '--port=0'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                       env=clean_environment())
        self.at = None
        for line in self.driver.stdout:
            if 'started successfully on port' in line:
                self.at = 'http://127.0.0.1:' + line.split('port')[1].strip(' .\n')
                break
        self.pid = None
        try:
            self.start(server)
        except BaseException:
            self.close()
            raise

    def start(self, server):
        wait_for(lambda: self.at and self.call('GET', '/status')['ready'], what='chromedriver')
        options = {'args': ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-proxy-server', '--disable-background-networking']}
        if server is not None:
            options['args'].append(f'--ignore-certificate-errors-spki-list={spki_of(server.port)}')
        made = self.call('POST', '/session', {'capabilities': {'alwaysMatch': {'goog:chromeOptions': options}}})
        self.session, self.pid = '/session/' + made['sessionId'], made['capabilities'].get('goog:processID')
        self.call('POST', self.session + '/url', {'url': self.origin + '/'})

    def call(self, method, path, body=None):
        data = None if method == 'GET' else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.at + path, data, {'Content-Type': 'application/json'}, method=method)
        with self.open(request, timeout=60) as answer:
            return json.load(answer)['value']

    def authenticator(self, transport='internal', **more):
        return self.call('POST', self.session + '/webauthn/authenticator', {
            'protocol': 'ctap2', 'transport': transport, 'hasResidentKey': True, 'hasUserVerification': True,
            'isUserVerified': True, 'isUserConsenting': True, **more})

    def authenticator_remove(self, which):
        self.call('DELETE', f'{self.session}/webauthn/authenticator/{which}')

    def credentials(self, which):
        return self.call('GET', f'{self.session}/webauthn/authenticator/{which}/credentials')

    def credential_add(self, which, credential):
        self.call('POST', f'{self.session}/webauthn/authenticator/{which}/credential', credential)

    def verifies(self, which, does):
        """Whether that authenticator verifies its user from now on."""
        self.call('POST', f'{self.session}/webauthn/authenticator/{which}/uv', {'isUserVerified': does})

    def goto(self, url):
        self.call('POST', self.session + '/url', {'url': url})

    def cookies(self):
        return {c['name']: c for c in self.call('GET', self.session + '/cookie')}

    def run(self, script, *args):
        """A script that calls its last argument with the answer."""
        return self.call('POST', self.session + '/execute/async', {'script': script, 'args': args})

    def create(self, options):
        return self.run(CREATE, options)

    def get(self, options):
        return self.run(GET, options)

    def close(self):
        try:
            if self.pid is not None:
                self.call('DELETE', self.session)
        finally:
            self.driver.terminate()
            self.driver.wait(20)
            self.driver.stdout.close()
            self.page.shutdown()
            self.page.server_close()
            if self.pid is not None and os.path.exists(f'/proc/{self.pid}'):
                try:
                    os.kill(self.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
