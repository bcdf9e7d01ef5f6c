"""An OpenID Connect issuer on this machine: HTTPS under a CA of its own, one key, tokens as one likes."""
import base64
import datetime
import http.server
import ipaddress
import json
import os
import ssl
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, padding
from cryptography.x509.oid import NameOID


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def number(n):
    return b64(n.to_bytes((n.bit_length() + 7) // 8, 'big'))


def certificate(name, key, issuer_name, issuer_key, is_ca):
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateBuilder()
               .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
               .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer_name)]))
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=2))
               .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True))
    if not is_ca:
        names = [x509.DNSName('localhost'), x509.IPAddress(ipaddress.ip_address('127.0.0.1'))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def pem(path, *parts):
    with open(path, 'wb') as f:
        for part in parts:
            if isinstance(part, x509.Certificate):
                f.write(part.public_bytes(serialization.Encoding.PEM))
            else:
                f.write(part.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()))
    return path


class Issuer:
    """`with Issuer(folder) as idp`: idp.url, idp.ca; idp.token(sub='x', aud='y')."""

    def __init__(self, folder):
        ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        ca = certificate('test CA of issuers', ca_key, 'test CA of issuers', ca_key, True)
        leaf = certificate('localhost', key, 'test CA of issuers', ca_key, False)
        self.ca = pem(os.path.join(folder, 'idp-ca.pem'), ca)
        chain = pem(os.path.join(folder, 'idp.pem'), leaf, key)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.fetched = []
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.fetched.append(self.path)
                body = json.dumps(issuer.documents().get(self.path, {})).encode()
                self.send_response(200 if self.path in issuer.documents() else 404)
                self.send_header('Content-Type', 'application/json')
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f'https://localhost:{self.server.server_address[1]}/realm'

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *args):
        self.server.shutdown()
        self.server.server_close()

    def documents(self):
        n = self.key.public_key().public_numbers()
        jwk = {'kty': 'RSA', 'use': 'sig', 'alg': 'RS256', 'kid': 'k1', 'n': number(n.n), 'e': number(n.e)}
        return {'/realm/.well-known/openid-configuration': {
                    'issuer': self.url, 'jwks_uri': self.url + '/keys', 'response_types_supported': ['id_token'],
                    'subject_types_supported': ['public'], 'id_token_signing_alg_values_supported': ['RS256']},
                '/realm/keys': {'keys': [jwk]}}

    def token(self, alg='RS256', key=None, **claims):
        now = int(time.time())
        header = {'alg': alg, 'kid': 'k1', 'typ': 'JWT'}
        body = {'iss': self.url, 'iat': now, 'exp': now + 300, **claims}
        text = f'{b64(json.dumps(header).encode())}.{b64(json.dumps(body).encode())}'
        if alg == 'none':
            return text + '.'
        signature = (key or self.key).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f'{text}.{b64(signature)}'
