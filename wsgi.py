"""The composition root: reads the settings and makes the application."""

from compliance.app import create_app
from compliance.cli import register
from config import read_config

app = create_app(read_config())
register(app)
