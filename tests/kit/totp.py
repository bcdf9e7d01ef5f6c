"""RFC 6238 by the standard library: what a phone shows."""
import hmac
import time


def step_now():
    return int(time.time()) // 30


def code(seed, step):
    digest = hmac.new(seed, step.to_bytes(8, 'big'), 'sha1').digest()
    at = digest[-1] & 15
    return f'{(int.from_bytes(digest[at:at + 4], "big") & 0x7fffffff) % 1000000:06d}'
