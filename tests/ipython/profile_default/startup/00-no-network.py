"""Close the network in every kernel: the course must run without it, and a test must not notice only when it is away.

Loaded by IPython through IPYTHONDIR=tests/ipython. It watches Python's own sockets; a subprocess is not watched.
"""


def _close_network():
    import ipaddress
    import socket
    import sys

    here = {"", "localhost", "localhost.localdomain", "ip6-localhost", "0.0.0.0", "::", socket.gethostname()}

    def is_here(host):
        if isinstance(host, (bytes, bytearray)):
            host = bytes(host).decode("ascii", "replace")
        if host is None or host in here:
            return True
        try:
            return ipaddress.ip_address(host.partition("%")[0]).is_loopback
        except ValueError:
            return False  # a name that would have to be looked up

    def refuse(event, arguments):
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            address = arguments[1]
            if not isinstance(address, tuple):  # a unix socket's path, or already connected
                return
            host = address[0]
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            host = arguments[0]
        else:
            return
        if not is_here(host):
            raise OSError(f"The network is closed while notebooks are tested; this one asked for {host!r} ({event}).")

    sys.addaudithook(refuse)


_close_network()
del _close_network
