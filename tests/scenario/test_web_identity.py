"""Workloads with an identity of an OpenID Connect issuer: `aws sts assume-role-with-web-identity`, then S3 with what it gives."""
import base64
import json
import os
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kit.server import clean_environment


def openssl(*args, data=None):
    done = subprocess.run(['openssl', *args], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def base64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b'=').decode()


class Issuer:
    """https://localhost:PORT/realm under a CA of its own; RS256."""

    def __init__(self, folder):
        self.folder, self.gets = str(folder), []
        self.ca, key, request, cert = (os.path.join(self.folder, name) for name in ('ca.crt', 'idp.key', 'idp.csr', 'idp.crt'))
        self.key = os.path.join(self.folder, 'token.key')
        curve = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes')
        openssl('req', '-x509', *curve, '-keyout', self.ca + '.key', '-out', self.ca, '-subj', '/CN=Test CA', '-days', '30')
        openssl('req', *curve, '-keyout', key, '-out', request, '-subj', '/CN=localhost')
        names = os.path.join(self.folder, 'names')
        with open(names, 'w', encoding='utf-8') as f:
            f.write('subjectAltName=DNS:localhost')
        openssl('x509', '-req', '-in', request, '-CA', self.ca, '-CAkey', self.ca + '.key', '-CAcreateserial', '-out', cert,
                '-days', '30', '-extfile', names)
        openssl('genrsa', '-out', self.key, '2048')
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.gets.append(self.path)
                body = issuer.document(self.path)
                self.send_response(200 if body is not None else 404)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(cert, key)
        self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        self.url = f'https://localhost:{self.http.server_port}/realm'
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def document(self, path):
        if path == '/realm/.well-known/openid-configuration':
            return {'issuer': self.url, 'jwks_uri': self.url + '/keys'}
        if path == '/realm/keys':
            n = bytes.fromhex(openssl('rsa', '-in', self.key, '-noout', '-modulus').decode().strip().split('=')[1])
            return {'keys': [{'kty': 'RSA', 'kid': 'one', 'use': 'sig', 'alg': 'RS256', 'n': base64url(n), 'e': 'AQAB'}]}
        return None

    def token(self, header=None, **claims):
        now = int(time.time())
        head = {'alg': 'RS256', 'kid': 'one', **(header or {})}
        body = {'iss': self.url, 'aud': 'troth', 'sub': 'job:build', 'iat': now, 'exp': now + 300, **claims}
        text = '.'.join(base64url(json.dumps(part).encode()) for part in (head, body))
        return text + '.' + base64url(openssl('dgst', '-sha256', '-sign', self.key, data=text.encode()))

    def hmac_token(self):
        """The public key as the secret of an HMAC."""
        secret = openssl('rsa', '-in', self.key, '-pubout')
        head, body, _ = self.token({'alg': 'HS256'}).split('.')
        mac = openssl('dgst', '-sha256', '-mac', 'HMAC', '-macopt', 'hexkey:' + secret.hex(), '-binary', data=f'{head}.{body}'.encode())
        return f'{head}.{body}.{base64url(mac)}'

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def issuer(tmp_path):
    folder = tmp_path / 'issuer'
    folder.mkdir()
    one = Issuer(folder)
    yield one
    one.stop()


def aws(server, environment, *args, status=0):
    done = subprocess.run(['/usr/bin/aws', '--endpoint-url', server.address, '--output', 'json', *args], check=False, env=environment,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == status, f'aws {args}: {done.returncode}: {done.stdout}{done.stderr}'
    return done.stderr if status else json.loads(done.stdout or 'null')


#= 2.1.4-1 test
def test_a_job_signs_in_by_its_issuer(make_server, issuer, home):
    server = make_server(f'identity:\n  oidc_ca: "{issuer.ca}"\n')
    tenant = server.tenant('acme')
    root = tenant.environment(home)
    host = issuer.url.removeprefix('https://')
    provider = aws(server, root, 'iam', 'create-open-id-connect-provider', '--url', issuer.url, '--client-id-list', 'troth',
                   '--thumbprint-list', '0' * 40)['OpenIDConnectProviderArn']
    assert provider.endswith(':oidc-provider/' + host)
    trust = {'Version': '2012-10-17', 'Statement': [{
        'Effect': 'Allow', 'Principal': {'Federated': provider}, 'Action': 'sts:AssumeRoleWithWebIdentity',
        'Condition': {'StringEquals': {host + ':aud': 'troth', host + ':sub': 'job:build'}}}]}
    role = aws(server, root, 'iam', 'create-role', '--role-name', 'builder', '--assume-role-policy-document', json.dumps(trust))['Role']
    read = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 's3:ListAllMyBuckets', 'Resource': '*'}]}
    aws(server, root, 'iam', 'put-role-policy', '--role-name', 'builder', '--policy-name', 'read', '--policy-document', json.dumps(read))

    nobody = {name: value for name, value in root.items() if not name.startswith('AWS_ACCESS') and not name.startswith('AWS_SECRET')}

    def assume(token, status=0):
        return aws(server, nobody, 'sts', 'assume-role-with-web-identity', '--role-arn', role['Arn'], '--role-session-name', 'job-1',
                   '--web-identity-token', token, status=status)

    given = assume(issuer.token())
    assert given['SubjectFromWebIdentityToken'] == 'job:build'
    assert issuer.gets == ['/realm/.well-known/openid-configuration', '/realm/keys']
    keys = given['Credentials']
    job = clean_environment(**{**root, 'AWS_ACCESS_KEY_ID': keys['AccessKeyId'], 'AWS_SECRET_ACCESS_KEY': keys['SecretAccessKey'],
                               'AWS_SESSION_TOKEN': keys['SessionToken']})
    assert aws(server, job, 's3api', 'list-buckets')['Buckets'] == []
    assert 'AccessDenied' in aws(server, job, 's3api', 'create-bucket', '--bucket', 'acme-builds', status=254)

    now = int(time.time())
    refused = {
        'none': '.'.join([base64url(b'{"alg":"none"}'), issuer.token().split('.')[1], '']),
        'confused': issuer.hmac_token(),
        'audience': issuer.token(aud='somebody'),
        'issuer': issuer.token(iss=issuer.url + '/'),
        'future': issuer.token(iat=now + 600, exp=now + 900),
        'changed': issuer.token()[:-8] + 'AAAAAAAA',
    }
    for what, token in refused.items():
        assert 'InvalidIdentityToken' in assume(token, status=254), what
    assert 'ExpiredToken' in assume(issuer.token(iat=now - 900, exp=now - 300), status=254)
    assert 'AccessDenied' in assume(issuer.token(sub='job:other'), status=254)
    assert len(issuer.gets) == 2

    aws(server, root, 'iam', 'delete-open-id-connect-provider', '--open-id-connect-provider-arn', provider)
    assert 'InvalidIdentityToken' in assume(issuer.token(), status=254)
    server.stop()


def test_addresses_within_are_not_called_without_a_ca_of_ours(server, issuer, names, home):
    tenant = server.tenant(names('tenant'))
    root = tenant.environment(home)
    provider = aws(server, root, 'iam', 'create-open-id-connect-provider', '--url', issuer.url, '--client-id-list', 'troth',
                   '--thumbprint-list', '0' * 40)['OpenIDConnectProviderArn']
    trust = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'Federated': provider},
                                                     'Action': 'sts:AssumeRoleWithWebIdentity'}]}
    role = aws(server, root, 'iam', 'create-role', '--role-name', 'builder', '--assume-role-policy-document', json.dumps(trust))['Role']
    said = aws(server, root, 'sts', 'assume-role-with-web-identity', '--role-arn', role['Arn'], '--role-session-name', 'job-1',
               '--web-identity-token', issuer.token(), status=254)
    assert 'IDPCommunicationError' in said
    assert issuer.gets == []
