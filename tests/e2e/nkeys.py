"""Keys, JSON web tokens and certificates for brokers that want to know who comes, made with openssl.

    Operator -> Account, one with JetStream -> User: a file of credentials       Authority -> a server's certificate
"""
import base64
import binascii
import json
import pathlib
import shutil
import subprocess
import time

OPENSSL = shutil.which("openssl")

OPERATOR, ACCOUNT, USER, SEED = 14 << 3, 0 << 3, 20 << 3, 18 << 3  # the first byte says what a key is: O, A, U, S


def openssl(*arguments):
    return subprocess.run([OPENSSL, *map(str, arguments)], check=True, capture_output=True).stdout


def text_of(data):
    """Base 32 with a checksum, as NATS writes keys."""
    return base64.b32encode(data + binascii.crc_hqx(data, 0).to_bytes(2, "little")).decode().rstrip("=")


def url64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Key:
    def __init__(self, kind, directory, name):
        self.file = pathlib.Path(directory) / f"{name}.pem"
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.file)
        secret = openssl("pkey", "-in", self.file, "-outform", "DER")[-32:]
        public = openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER")[-32:]
        self.public = text_of(bytes([kind]) + public)
        self.seed = text_of(bytes([SEED | kind >> 5, (kind & 31) << 3]) + secret)

    def sign(self, data):
        file = self.file.with_suffix(".data")
        file.write_bytes(data)
        return openssl("pkeyutl", "-sign", "-inkey", self.file, "-rawin", "-in", file)

    def token(self, subject, name, kind, **claims):
        """What this key says about another one."""
        head = {"typ": "JWT", "alg": "ed25519-nkey"}
        body = {"jti": name, "iat": int(time.time()), "iss": self.public, "name": name, "sub": subject.public,
                "nats": {"type": kind, "version": 2, **claims}}
        text = ".".join(url64(json.dumps(part).encode()) for part in (head, body))
        return f"{text}.{url64(self.sign(text.encode()))}"


class Operator:
    """A broker's lines of configuration, and the credentials of a user whom it lets in."""

    def __init__(self, directory):
        key, system, account, user = (Key(kind, directory, name) for kind, name in (
            (OPERATOR, "operator"), (ACCOUNT, "system"), (ACCOUNT, "account"), (USER, "user")))
        basic = {"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": True, "conn": -1,
                 "leaf": -1}
        stream = {"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}
        tokens = {system: key.token(system, "system", "account", limits=basic),
                  account: key.token(account, "account", "account", limits={**basic, **stream})}
        preload = ", ".join(f"{who.public}: {token}" for who, token in tokens.items())
        self.config = (f"operator: {key.token(key, 'operator', 'operator')}\nsystem_account: {system.public}\n"
                       f"resolver: MEMORY\nresolver_preload: {{ {preload} }}\n")
        self.credentials = pathlib.Path(directory) / "user.creds"
        permit = account.token(user, "user", "user", subs=-1, data=-1, payload=-1)
        self.credentials.write_text(f"-----BEGIN NATS USER JWT-----\n{permit}\n------END NATS USER JWT------\n\n"
                                    f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n")


class Authority:
    """Signs certificates."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.file = self.directory / "ca.pem"
        openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", self.directory / "ca.key", "-out", self.file,
                "-subj", "/CN=authority", "-days", 1)

    def server(self, name):
        """A broker's lines of configuration, with a certificate for this host."""
        key, request, file, extra = (self.directory / f"{name}.{end}" for end in ("key", "csr", "pem", "ext"))
        extra.write_text(f"subjectAltName={'IP' if name[0].isdigit() else 'DNS'}:{name}")
        openssl("req", "-newkey", "ed25519", "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.directory / "ca.key",
                "-CAcreateserial",
                "-out", file, "-days", 1, "-extfile", extra)
        return f'tls {{ cert_file: "{file}", key_file: "{key}" }}\n'
