"""Accounts for tests: users with policies by boto3's iam client, one-time passwords, sessions."""
import json
import os
import subprocess

import boto3
from botocore.config import Config
from kit.server import TROTH, clean_environment
from kit.totp import Phone


def client(server, service, key, secret, token=None, region='us-east-1'):
    return boto3.client(service, endpoint_url=server.address, aws_access_key_id=key, aws_secret_access_key=secret,
                        aws_session_token=token, region_name=region, verify=server.ca,
                        config=Config(retries={'max_attempts': 0}, signature_version='s3v4' if service == 's3' else None,
                                      s3={'addressing_style': 'path'}))


def statement(actions, resources='*', effect='Allow', **more):
    return {'Effect': effect, 'Action': actions, 'Resource': resources, **more}


def policy(*statements):
    return json.dumps({'Version': '2012-10-17', 'Statement': list(statements)})


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


class Person:
    """Somebody at a machine of their own: signs in with `troth` over HTTPS, by password and a phone that shows codes."""

    PASSWORD = 'correct horse battery staple 7'

    def __init__(self, server, folder, realm, name):
        self.server, self.realm, self.name = server, realm, name
        self.home = os.path.join(str(folder), f'{realm}-{name}')
        self.phone = None
        os.makedirs(self.home, exist_ok=True)

    def environment(self):
        return clean_environment(HOME=self.home, TROTH_SERVER=self.server.address, TROTH_CA=self.server.ca, LANG='C.UTF-8')

    def code(self):
        return self.phone.code()

    def troth(self, *args, answers=()):
        return subprocess.run([TROTH, *args], env=self.environment(), input=''.join(f'{a}\n' for a in answers),
                              capture_output=True, text=True, check=False, timeout=60)

    def ok(self, *args, answers=()):
        done = self.troth(*args, answers=answers)
        assert done.returncode == 0, f'{self.name}: troth {" ".join(args)}: {done.returncode}: {done.stderr}'
        return done.stdout

    def json(self, *args, answers=()):
        return json.loads(self.ok(*args, '--json', answers=answers))

    def refused(self, *args, answers=()):
        """What is said against it."""
        done = self.troth(*args, answers=answers)
        assert done.returncode == 1, f'{self.name}: troth {" ".join(args)}: {done.returncode}: {done.stdout}'
        return done.stderr

    def enrol(self, code):
        """The first login: password, a second factor that is added now, its first code."""
        # pylint: disable=consider-using-with
        process = subprocess.Popen([TROTH, 'login', '--enrol'], env=self.environment(), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdin.write(f'{code}\n{self.PASSWORD}\n')
        process.stdin.flush()
        said = ''
        for line in process.stderr:
            said += line
            if line.startswith('Key: '):
                self.phone = Phone(line.split()[1])
                break
        assert self.phone, said
        _, rest = process.communicate(f'{self.code()}\n', timeout=60)
        assert process.returncode == 0, said + rest
        return self

    def login(self):
        self.ok('login', self.name, '--realm', self.realm, answers=(self.PASSWORD, self.code()))
        return self


def enrolled(server, by, folder, realm, name, *roles):
    """A new person with these roles, enrolled. by(*args) runs `troth` for whoever may make accounts."""
    by('user', 'create', name, '--realm', realm, '--owner', f'{name} of {realm}')
    for role in roles:
        by('role', 'assign', role, '--user', name, '--realm', realm)
    code = json.loads(by('user', 'reset', name, '--realm', realm, '--json'))['code']
    return Person(server, folder, realm, name).enrol(code)
