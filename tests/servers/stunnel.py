"""stunnel: takes TLS connections and passes them on in the clear."""

import asyncio
import ssl
import subprocess

CONFIGURATION = """\
foreground = yes
pid =
debug = warning
syslog = no
[echo]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{target}
cert = {certificate}
key = {key}
"""


def create_certificate(directory):
    """A self-signed certificate for localhost and its key."""
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        + [
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ]
        + ["-out", certificate, "-keyout", key],
        check=True,
        capture_output=True,
    )
    return certificate, key


def command(directory, port, target):
    certificate, key = create_certificate(directory)
    configuration = directory / "stunnel.conf"
    configuration.write_text(
        CONFIGURATION.format(port=port, target=target, certificate=certificate, key=key)
    )
    return ["/usr/bin/stunnel4", configuration]


def client_context(directory):
    """Trusts this directory's certificate and no other."""
    return ssl.create_default_context(cafile=directory / "certificate.pem")


async def connect(port, context):
    return await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost", ssl_handshake_timeout=60
    )
