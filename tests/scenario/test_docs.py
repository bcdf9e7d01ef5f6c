"""The aws lines of docs/identity.md, as they stand there, by Debian's aws: a page that lies is a bug."""
import json
import os
import re
import subprocess

import pytest
from kit.people import client, enrolled
from kit.server import ROOT, Server, clean_environment


def blocks(page):
    """{word behind ```sh: commands}; the first block has no word."""
    with open(os.path.join(ROOT, 'docs', page), encoding='utf-8') as f:
        return {m[1]: m[2] for m in re.finditer(r'^```sh ?([\w-]*)\n(.*?)^```$', f.read(), re.M | re.S)}


def answers(text):
    """The JSON objects that the commands printed one after another."""
    found, at = [], 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, end = json.JSONDecoder().raw_decode(text, at)
        found.append(value)
        at = end
    return found


class Shell:
    def __init__(self, tenant, account, home):
        self.tenant, self.account, self.home = tenant, account, str(home)

    def run(self, commands, keys, code='123456'):
        """keys: id, secret and perhaps a session token."""
        names = ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN')
        prelude = 'aws() { command /usr/bin/aws --endpoint-url "$ENDPOINT" "$@"; }\n'
        done = subprocess.run(['/usr/bin/bash', '-euc', prelude + commands.replace('123456', code)],
                              env=clean_environment(HOME=self.home, ENDPOINT=self.tenant.server.address, ACCOUNT=self.account,
                                                    AWS_CA_BUNDLE=self.tenant.server.ca, AWS_DEFAULT_REGION='us-east-1',
                                                    **dict(zip(names, keys))),
                              capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, f'{commands}\n{done.stderr}'
        return answers(done.stdout)


def keys_of(answer):
    found = answer.get('Credentials') or answer.get('AccessKey')
    return [found[k] for k in ('AccessKeyId', 'SecretAccessKey', 'SessionToken') if k in found]


@pytest.mark.slow
@pytest.mark.parametrize('page', ['identity.md', 'identity.zh.md'])
def test_identity(page, tmp_path):
    server = Server(tmp_path).start()
    tenant = server.tenant('acme')
    root = (tenant.access_key, tenant.secret_key)
    client(server, 's3', *root).create_bucket(Bucket='site')
    account = client(server, 'sts', *root).get_caller_identity()['Account']
    zhao = enrolled(server, server.troth_ok, tmp_path, 'platform', 'zhao', 'staff')
    zhao_key = server.troth_json('access-key', 'create', '--user', 'zhao', '--realm', 'platform')
    wang = enrolled(server, server.troth_ok, tmp_path, 'acme', 'wang', 'security-administrator', 'approver')
    grant = zhao.json('access', 'ask', '--realm', 'acme', '--role', 'support-data-reader', '--reason', 'x', '--length', '5m')
    wang.ok('access', 'approve', grant['id'])
    shell, block = Shell(tenant, account, tmp_path), blocks(page)
    deploy = shell.run(block[''], root)[-1]
    publisher = shell.run(block['deploy'], keys_of(deploy))[-1]
    s3 = client(server, 's3', *keys_of(publisher))
    s3.put_object(Bucket='site', Key='index.html', Body=b'<p>')
    wang_key = shell.run('aws iam create-access-key --user-name wang', root)[-1]
    who, session = shell.run(block['wang'], keys_of(wang_key), wang.code())
    assert who['Arn'].endswith(':user/wang')
    status = shell.run(block['wang-mfa'], keys_of(session))[-1]
    assert status['PolicyStatus']['IsPublic'] is True
    support = shell.run(block['zhao'], (zhao_key['access_key_id'], zhao_key['secret_access_key']), zhao.code())[-1]
    assert 'site' in [b['Name'] for b in client(server, 's3', *keys_of(support)).list_buckets()['Buckets']]
    server.stop()
