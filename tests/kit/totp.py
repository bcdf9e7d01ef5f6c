"""RFC 6238 by the standard library: what a phone shows."""
import base64
import hmac
import time

MARGIN = 12 # seconds that a code must still be good for: clients start slowly on a busy machine


def step_now():
    """The step of now, when it goes on for MARGIN seconds at least; waits for the next one otherwise."""
    left = 30 - time.time() % 30
    if left < MARGIN:
        time.sleep(left + 0.1)
    return int(time.time()) // 30


def code(seed, step):
    digest = hmac.new(seed, step.to_bytes(8, 'big'), 'sha1').digest()
    at = digest[-1] & 15
    return f'{(int.from_bytes(digest[at:at + 4], "big") & 0x7fffffff) % 1000000:06d}'


class Phone:
    """Shows codes that were not used yet. The server takes each once, from the step before its own to the one behind it."""

    def __init__(self, seed_base32):
        self.seed, self.step = base64.b32decode(seed_base32), 0

    def code(self):
        now = int(time.time()) // 30
        left = 30 - time.time() % 30
        self.step = max(self.step + 1, now - 1 if left > MARGIN else now)
        if self.step > now + 1:
            time.sleep(max(0, (self.step - 1) * 30 - time.time()) + 0.1)
        return code(self.seed, self.step)
