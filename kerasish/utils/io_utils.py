"""Messages to the user: to standard output while logging is interactive, else to the `kerasish` logger."""

from __future__ import annotations

import sys

from kerasish.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)

__all__ = [
    "disable_interactive_logging",
    "enable_interactive_logging",
    "is_interactive_logging_enabled",
    "print_msg",
]


def print_msg(message: object, line_break: bool = True) -> None:
    """Show a message, above any progress bar that is being drawn.

    Args:
        message: What to show; converted by `str`.
        line_break: Whether to end the message with a newline.
    """
    text = str(message)
    if not is_interactive_logging_enabled():
        import logging

        logging.getLogger("kerasish").info(text.rstrip("\n"))
        return
    if line_break:
        text += "\n"
    # tqdm knows the bars that are on the screen: it lifts them, writes, and draws them again below.
    bars = sys.modules.get("tqdm.std")
    if bars is not None and bars.tqdm._instances:
        bars.tqdm.write(_encodable(text), file=sys.stdout, end="")
    else:
        sys.stdout.write(_encodable(text))
    sys.stdout.flush()


def _encodable(text: str) -> str:
    """Replace what standard output's encoding cannot show."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, errors="replace").decode(encoding)
