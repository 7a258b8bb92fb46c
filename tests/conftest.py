import structlog
from hypothesis import settings

# Time limits of single examples would measure the machine; the suite's own time-out ends what hangs.
settings.register_profile("beam", deadline=None, print_blob=True)
settings.load_profile("beam")

# The log is the daemon's; tests that want lines configure it themselves.
structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
