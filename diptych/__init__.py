"""Composition: settings, application, command line and worker."""
