"""The shared password of a workspace, kept as a salted hash, and the count of wrong ones.

scrypt (RFC 7914) with n = 2^15, r = 8, p = 1, as OWASP's password storage cheat sheet names it: some 80 ms and 32 MB a
try. `access.json` in the workspace can be read by its owner alone.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import InputError
from core.workspace import Workspace, read_json, write_json_atomic

SHORTEST = 10
"""Characters a password must have."""
WRONG = 10
"""Wrong passwords from one address after which it is locked out."""
LOCKED_SECONDS = 15 * 60.0
SESSION_SECONDS = 12 * 3600.0
MOST_ADDRESSES = 10_000
"""Addresses whose wrong passwords are remembered; the oldest is forgotten first."""


def hash_password(password: str, salt: bytes) -> bytes:
    """Return the hash of a password, 32 bytes."""
    return hashlib.scrypt(password.encode(), salt=salt, n=2**15, r=8, p=1, maxmem=2**26, dklen=32)


@dataclass(frozen=True)
class Secret:
    """A salted hash, and whether a password is the one behind it."""

    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, password: str) -> Secret:
        """Return the secret of a new password. Raises InputError when it is too short."""
        if len(password) < SHORTEST:
            raise InputError(f"A password needs {SHORTEST} characters at least; this one has {len(password)}.")
        salt = os.urandom(16)
        return cls(salt, hash_password(password, salt))

    def fits(self, password: str) -> bool:
        """Say whether this is the password; takes as long for a wrong one as for the right one."""
        return hmac.compare_digest(hash_password(password[:1000], self.salt), self.digest)


def save_secret(workspace: Workspace, secret: Secret) -> Path:
    """Keep the secret in the workspace, readable for its owner alone. Returns the file."""
    path = access_file(workspace)
    write_json_atomic(path, {"salt": secret.salt.hex(), "digest": secret.digest.hex()})
    path.chmod(0o600)
    return path


def load_secret(workspace: Workspace) -> Secret | None:
    """Return the secret of the workspace, or of GRAFT_PASSWORD where that is set (a container); None for neither."""
    if given := os.environ.get("GRAFT_PASSWORD"):
        return Secret.of(given)
    stored = read_json(access_file(workspace))
    try:
        return Secret(bytes.fromhex(stored["salt"]), bytes.fromhex(stored["digest"]))
    except (KeyError, TypeError, ValueError):
        return None


def access_file(workspace: Workspace) -> Path:
    """Return where the secret of a workspace is kept."""
    return workspace.root / "access.json"


@dataclass
class Door:
    """Lets in who has the password, for some hours, and counts who has not; it forgets all when the server stops."""

    secret: Secret
    sessions: dict[str, float] = field(default_factory=dict)
    """{token: when it ends}"""
    wrong: dict[str, list[float]] = field(default_factory=dict)
    """{address: when it gave wrong passwords}"""

    def is_locked(self, address: str) -> bool:
        """Say whether an address gave so many wrong passwords that it must wait."""
        recent = [moment for moment in self.wrong.get(address, []) if time.monotonic() - moment < LOCKED_SECONDS]
        return len(recent) >= WRONG

    def enter(self, address: str, password: str) -> str | None:
        """Return the token of a new session, None for a wrong password or a locked address."""
        if self.is_locked(address):
            return None
        if not self.secret.fits(password):
            self._count(address)
            return None
        self.wrong.pop(address, None)
        now = time.monotonic()
        self.sessions = {token: end for token, end in self.sessions.items() if end > now}
        token = secrets.token_urlsafe(32)
        self.sessions[token] = now + SESSION_SECONDS
        return token

    def knows(self, token: str) -> bool:
        """Say whether a token belongs to a session that goes on."""
        return self.sessions.get(token, 0.0) > time.monotonic()

    def leave(self, token: str) -> None:
        """End a session."""
        self.sessions.pop(token, None)

    def _count(self, address: str) -> None:
        self.wrong[address] = [*self.wrong.pop(address, [])[-WRONG:], time.monotonic()]
        while len(self.wrong) > MOST_ADDRESSES:
            del self.wrong[next(iter(self.wrong))]
