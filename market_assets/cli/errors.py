"""How a command says that it could not do what it was asked."""

from __future__ import annotations


class CommandFailedError(Exception):
    """A command could not do what it was asked; the message names the cause."""
