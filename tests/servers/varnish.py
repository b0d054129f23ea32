"""Varnish: an HTTP cache; a manager, and a child with pools of threads."""

VCL = 'vcl 4.0;\nbackend default {{ .host = "127.0.0.1"; .port = "{port}"; }}\n'


def command(program, directory, port, backend):
    vcl = directory / "default.vcl"
    vcl.write_text(VCL.format(port=backend))
    return [
        *(program, "-F", "-j", "none", "-n", directory / "work", "-s", "malloc,32m"),
        *("-a", f"127.0.0.1:{port}", "-f", vcl),
        *("-p", "thread_pool_min=20", "-p", "thread_pool_max=200"),
    ]
