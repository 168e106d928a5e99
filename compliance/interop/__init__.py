"""Translators between the formats of the world and our typed inputs."""
