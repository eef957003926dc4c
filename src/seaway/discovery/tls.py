"""How the cluster store is trusted, and how it trusts this engine."""

import ssl

from seaway.base.errors import SystemFailure
from seaway.config.cluster import ClusterConfig


def store_tls(config: ClusterConfig) -> ssl.SSLContext | None:
    """None: without TLS. Blocking. Raises SystemFailure."""
    if not config.ca and not config.certificate:
        return None
    try:
        context = ssl.create_default_context(cafile=config.ca or None)
        if config.certificate:
            context.load_cert_chain(config.certificate, config.key)
    except (OSError, ssl.SSLError) as failed:
        raise SystemFailure(f"discovery initialization failed ({failed})") from failed
    return context
