"""Presets: named YAML files of settings."""
