"""The mail of one installation, as its settings say: who writes, and where mails go."""

from __future__ import annotations

from compliance.mail.dkim_signature import Signer
from compliance.mail.messages import Sender
from compliance.mail.outbox import Outbox, open_outbox
from config import Config


def sender_of(config: Config) -> Sender:
    """Who mails come from."""
    return Sender(config.mail_from, config.base_url, config.secret_key)


def outbox_of(config: Config) -> Outbox:
    """Where mails go; raises ValueError for a server or a signing key that cannot be used."""
    signer = None
    if config.mail_leaves and config.dkim_selector:
        signer = Signer(config.dkim_domain, config.dkim_selector, config.dkim_key)
    return open_outbox(config.smtp_url, config.mail_dir, signer)
