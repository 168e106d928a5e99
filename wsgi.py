"""The composition root: reads the settings and makes the application."""

import gc

from compliance.app import create_app
from compliance.cli import register
from config import ConfigError, read_config

try:
    app = create_app(read_config())
except ConfigError as fault:
    raise SystemExit(str(fault)) from None
register(app)
gc.freeze()  # what the start made stays: looking through it again costs a quarter of an import
