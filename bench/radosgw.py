"""One-box Ceph with radosgw, as the S3 peer of the bench: mon, mgr, one OSD on a file, TLS, cephx.

Debian's packages radosgw ceph-mon ceph-osd ceph-mgr ceph-common must be installed. Everything runs
in the foreground below one folder, on loopback, and ends with stop().

Two traps: with auth "none" radosgw hangs in AUTH_CONNECTING, hence cephx; without tcp_nodelay=1 the
front end delays small answers by 40 ms, which would flatter us.
"""
import base64
import os
import secrets
import shutil
import socket
import subprocess
import time
import uuid

TOOLS = ["ceph", "ceph-mon", "ceph-mgr", "ceph-osd", "ceph-authtool", "monmaptool", "radosgw", "radosgw-admin"]

CONF = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon2},v1:127.0.0.1:{mon1}]
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
public addr = 127.0.0.1
cluster addr = 127.0.0.1
osd pool default size = 1
osd pool default min size = 1
osd crush chooseleaf type = 0
osd pool default pg num = 8
mon allow pool size one = true
mon warn on pool no redundancy = false
keyring = {dir}/keyring
run dir = {dir}
admin socket = {dir}/$cluster-$name.$pid.asok
log file = {dir}/$name.log
mon data = {dir}/mon
mgr data = {dir}/mgr
osd data = {dir}/osd
osd memory target = 1500000000
bluestore block size = 21474836480
pid file =
[client.rgw]
rgw frontends = beast ssl_endpoint=127.0.0.1:{port} ssl_certificate={cert} ssl_private_key={key} tcp_nodelay=1
rgw crypt default encryption key = {sse}
rgw data = {dir}/rgw
rgw enable usage log = false
rgw enable ops log = false
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def is_installed():
    return all(shutil.which(t) for t in TOOLS)


class Radosgw:
    def __init__(self, folder, cert, key):
        self.dir = folder
        self.processes = []
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.access_key, self.secret_key = "BENCH", secrets.token_hex(20)
        os.makedirs(folder)
        for part in ("mon", "mgr", "osd", "rgw"):
            os.mkdir(f"{folder}/{part}")
        self.fsid = str(uuid.uuid4())
        self.mon1, self.mon2 = free_port(), free_port()
        with open(f"{folder}/ceph.conf", "w", encoding="ascii") as f:
            f.write(CONF.format(dir=folder, fsid=self.fsid, mon1=self.mon1, mon2=self.mon2, port=self.port, cert=cert,
                                key=key, sse=base64.b64encode(os.urandom(32)).decode()))

    def call(self, *args, timeout=120):
        tool, rest = args[0], list(args[1:])
        if tool not in ("ceph-authtool", "monmaptool"):
            rest = ["-c", f"{self.dir}/ceph.conf"] + rest
        done = subprocess.run([tool] + rest, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{tool}: {done.stderr.strip()[-500:]}")
        return done.stdout

    def spawn(self, *args):
        with open(f"{self.dir}/{args[0]}.out", "w", encoding="utf-8") as out:
            p = subprocess.Popen([args[0], "-c", f"{self.dir}/ceph.conf", "-f", *args[1:]], stdout=out,
                                 stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        self.processes.append(p)
        return p

    def start(self):
        d = self.dir
        ring = f"{d}/keyring"
        self.call("ceph-authtool", "--create-keyring", ring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        self.call("ceph-authtool", ring, "--gen-key", "-n", "client.admin", "--cap", "mon", "allow *", "--cap", "osd",
                  "allow *", "--cap", "mgr", "allow *")
        self.call("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{self.mon2},v1:127.0.0.1:{self.mon1}]",
                  "--fsid", self.fsid, f"{d}/monmap")
        self.call("ceph-mon", "--mkfs", "-i", "a", "--monmap", f"{d}/monmap", "--keyring", ring)
        self.spawn("ceph-mon", "-i", "a", "--keyring", ring)
        for who, caps in (("mgr.x", ["mon", "allow profile mgr", "osd", "allow *"]),
                          ("osd.0", ["mon", "allow profile osd", "mgr", "allow profile osd", "osd", "allow *"]),
                          ("client.rgw", ["mon", "allow rw", "osd", "allow rwx", "mgr", "allow rw"])):
            part = self.call("ceph", "auth", "get-or-create", who, *caps)
            with open(ring, "a", encoding="ascii") as f:
                f.write(part)
        self.spawn("ceph-mgr", "-i", "x")
        osd = str(uuid.uuid4())
        self.call("ceph", "osd", "new", osd, "0")
        self.call("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd, "--keyring", ring)
        self.call("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=bench")
        self.spawn("ceph-osd", "-i", "0", "--keyring", ring)
        self.spawn("radosgw", "-n", "client.rgw", "--keyring", ring)
        self.wait_for_port()
        self.call("radosgw-admin", "-n", "client.rgw", "user", "create", "--uid", "bench", "--display-name", "bench",
                  "--access-key", self.access_key, "--secret-key", self.secret_key)

    def wait_for_port(self):
        end = time.monotonic() + 240
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.5)
            for p in self.processes:
                if p.poll() is not None:
                    raise RuntimeError(f"{p.args[0]} ended (logs in {self.dir})")
        raise RuntimeError(f"radosgw does not listen (logs in {self.dir})")

    def pids(self):
        return [p.pid for p in self.processes]

    def stop(self):
        for p in reversed(self.processes):
            p.terminate()
        for p in self.processes:
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        self.processes = []
