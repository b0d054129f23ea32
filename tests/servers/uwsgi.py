"""uWSGI: a master, and processes with threads that serve a Python application."""

APPLICATION = """\
import os, time

def application(environment, start):
    time.sleep(0.01)
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid()]
"""


def command(program, directory, port):
    application = directory / "application.py"
    application.write_text(APPLICATION)
    return [
        *(program, "--plugin", "python3", "--master", "--die-on-term", "--lazy-apps"),
        *("--processes", "2", "--threads", "8", "--thunder-lock"),
        *("--http-socket", f"127.0.0.1:{port}", "--wsgi-file", application),
    ]
