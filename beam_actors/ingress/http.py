"""The HTTP server: a web server on the bare connection."""

from beam_actors.ingress.web import WebServer


class HttpServer(WebServer):
    """HTTP for every name of the zone. Nothing but the machine's loopback sees these bytes before Noise does."""

    kind = "http"
    port = 80
