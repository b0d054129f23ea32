"""What makes a program one with threads."""

import threading


def start_idle_thread() -> None:
    """A thread that waits for ever."""
    threading.Thread(target=threading.Event().wait, daemon=True).start()
