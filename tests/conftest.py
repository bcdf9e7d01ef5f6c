"""Fixtures: a server for all tests that leave it as it was, servers of one's own for the others."""
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kit import server as kit  # noqa: E402

# boto3 runs in this process: nothing of the caller's proxies, credentials, certificates.
for name in [n for n in os.environ if n.lower().endswith('_proxy') or n.startswith('AWS_') or n.endswith('_CA_BUNDLE')]:
    del os.environ[name]
os.environ['AWS_EC2_METADATA_DISABLED'] = 'true'


def pytest_configure(config):
    config.addinivalue_line('markers', 'slow: takes longer than ten seconds')


@pytest.fixture(scope='session')
def server(tmp_path_factory):
    """One server for the whole run. Whoever stops, kills or spoils takes `make_server`."""
    one = kit.Server(tmp_path_factory.mktemp('server'))
    one.start()
    yield one
    one.stop()


@pytest.fixture
def make_server(tmp_path_factory):
    """Makes servers; what still runs at the end is stopped and checked."""
    made = []

    def make(settings='', init=(), start=True):
        one = kit.Server(tmp_path_factory.mktemp('own'), settings, init)
        made.append(one)
        return one.start() if start else one

    yield make
    failures = []
    for one in made:
        try:
            one.stop()
        except AssertionError as e:
            failures.append(str(e))
    assert not failures, failures


@pytest.fixture(scope='session')
def names():
    """Names that nobody has used yet."""
    count = iter(range(1, 1 << 30))
    return lambda what='t': f'{what}-{next(count)}'


@pytest.fixture
def tenant(server, names):
    return server.tenant(names('tenant'))


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / 'home'
    folder.mkdir()
    return folder


@pytest.fixture
def aws(tenant, home):
    """Runs /usr/bin/aws as the tenant; standard output, as text."""

    def call(*args, status=0, text=True, **more):
        done = subprocess.run(['/usr/bin/aws', '--endpoint-url', tenant.server.address, *args], check=False,
                              env=tenant.environment(home), capture_output=True, text=text, timeout=300, **more)
        assert done.returncode == status, f'aws {" ".join(args)}: {done.returncode}: {done.stderr}'
        return done.stdout if status == 0 else done.stderr

    return call


@pytest.fixture
def s3(tenant):
    return boto_client(tenant)


def boto_client(tenant, **more):
    import boto3
    from botocore.config import Config
    return boto3.client('s3', endpoint_url=tenant.server.address, aws_access_key_id=tenant.access_key,
                        aws_secret_access_key=tenant.secret_key, region_name=tenant.region, verify=tenant.server.ca,
                        config=Config(**{'retries': {'max_attempts': 0}, 'signature_version': 's3v4', 's3': {'addressing_style': 'path'}, **more}))
