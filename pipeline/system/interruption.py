"""Ctrl-C and SIGTERM: end at once, or at the next good moment where work would be lost."""

import os
import signal
import sys
import threading
from contextlib import contextmanager

SECONDS_UNTIL_TOLD_AGAIN = 0.1
NAMES: dict[int, str] = {signal.SIGINT: "interrupted by Ctrl-C", signal.SIGTERM: "ended by SIGTERM"}


def quiet_while_loading():
    """Let Ctrl-C end a process that still imports what it needs as it ends other programs, without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


class Interrupted(KeyboardInterrupt):
    """The person or the system asked the process to end. Its text says so in one line, and what was kept."""

    def __init__(self, number: int, kept: str = ""):
        super().__init__(NAMES[number] + (f": {kept}" if kept else ""))
        self.number, self.exit_code = number, 128 + number


class _Waiting:
    """The signal that came while there was something to finish first."""

    wanted = False
    number: int | None = None


class _Raised:
    """The last signal that was raised."""

    number: int | None = None


@contextmanager
def interruptible():
    """Make both signals raise `Interrupted` while the block runs; a process told to ignore one goes on ignoring it.

    A signal that comes while a destructor runs would be lost, since nothing that a destructor raises gets out of it:
    it is given once more a moment later. And where compiled code makes another error of it, it is what counts.
    """
    if threading.current_thread() is not threading.main_thread():  # Python allows handlers only there
        yield
        return
    before = {number: signal.getsignal(number) for number in NAMES}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _handle)
    _Raised.number = None
    hook, sys.unraisablehook = sys.unraisablehook, _tell_again(sys.unraisablehook)
    try:
        yield
    except Exception:
        if _Raised.number is None:
            raise
        raise Interrupted(_Raised.number) from None
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def finishing_first():
    """Only note the first signal while the block runs, which asks `asked_to_end` at good moments. A second one ends."""
    _Waiting.wanted, _Waiting.number = True, None
    try:
        yield
    finally:
        _Waiting.wanted = False
    if _Waiting.number:
        raise Interrupted(_Waiting.number)


def only_note_ctrl_c():
    """Let Ctrl-C only be noted in this process, for `asked_to_end`: the one that started it decides."""
    signal.signal(signal.SIGINT, lambda number, frame: setattr(_Waiting, "number", number))


def asked_to_end() -> int | None:
    """Give the number of the signal that asks to end, if one came."""
    return _Waiting.number


def _handle(number, frame):
    if _Waiting.wanted and _Waiting.number is None:
        _Waiting.number = number
        os.write(2, b"\nending after what is being done now; once more ends at once\n")
    else:
        _Raised.number = number
        raise Interrupted(number)


def _tell_again(hook):
    def tell(unraisable):
        if isinstance(unraisable.exc_value, Interrupted):
            again = (threading.main_thread().ident, unraisable.exc_value.number)
            threading.Timer(SECONDS_UNTIL_TOLD_AGAIN, signal.pthread_kill, again).start()
        else:
            hook(unraisable)

    return tell
