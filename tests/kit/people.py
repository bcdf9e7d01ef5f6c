"""Accounts for tests: users with policies by boto3's iam client, one-time passwords, sessions."""
import base64
import hashlib
import hmac
import json
import struct
import time

import boto3
from botocore.config import Config


def client(server, service, key, secret, token=None, region='us-east-1'):
    return boto3.client(service, endpoint_url=server.address, aws_access_key_id=key, aws_secret_access_key=secret,
                        aws_session_token=token, region_name=region, verify=server.ca,
                        config=Config(retries={'max_attempts': 0}, signature_version='s3v4' if service == 's3' else None,
                                      s3={'addressing_style': 'path'}))


def statement(actions, resources='*', effect='Allow', **more):
    return {'Effect': effect, 'Action': actions, 'Resource': resources, **more}


def policy(*statements):
    return json.dumps({'Version': '2012-10-17', 'Statement': list(statements)})


def totp(seed_base32, at=None, step=30, digits=6):
    """RFC 6238 with SHA-1."""
    seed = base64.b32decode(seed_base32 + '=' * (-len(seed_base32) % 8))
    count = int((time.time() if at is None else at) // step)
    digest = hmac.new(seed, struct.pack('>Q', count), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f'{(struct.unpack(">I", digest[offset:offset + 4])[0] & 0x7fffffff) % 10 ** digits:0{digits}d}'


class User:
    """A user of a tenant with one access key, made by the tenant's root keys."""

    def __init__(self, tenant, name, *statements):
        self.tenant, self.name, self.server = tenant, name, tenant.server
        iam = self.iam_of(tenant)
        self.arn = iam.create_user(UserName=name)['User']['Arn']
        if statements:
            iam.put_user_policy(UserName=name, PolicyName='own', PolicyDocument=policy(*statements))
        key = iam.create_access_key(UserName=name)['AccessKey']
        self.key, self.secret = key['AccessKeyId'], key['SecretAccessKey']

    @staticmethod
    def iam_of(tenant):
        return client(tenant.server, 'iam', tenant.access_key, tenant.secret_key)

    def client(self, service):
        return client(self.server, service, self.key, self.secret)

    @property
    def s3(self):
        return self.client('s3')
