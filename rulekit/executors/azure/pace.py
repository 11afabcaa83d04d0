"""How often to ask. Requests are to grow with what ends, not with the time that passes."""

from __future__ import annotations

LEAST_S = 0.5
MOST_S = 10.0
_SHARE = 8  # ask again when about an eighth of what is out has ended ...
_MOST_ENDED = 20  # ... or so many tasks


class Pace:
    """Seconds until the next question, from how many tasks ended since the last one."""

    def __init__(self, least_s: float = LEAST_S, most_s: float = MOST_S) -> None:
        self._least = least_s
        self._most = most_s
        self._rate = 0.0  # ends in a second, the recent past counting more
        self.pause_s = least_s

    def asked(self, ended: int, outstanding: int, seconds: float) -> float:
        """Note what a question brought: `ended` tasks in `seconds`, `outstanding` are left."""
        now = ended / max(seconds, 1e-3)
        self._rate = now if not self._rate else 0.5 * self._rate + 0.5 * now
        if ended:
            target = min(max(outstanding / _SHARE, 1.0), _MOST_ENDED)
            pause = target / self._rate
        else:
            pause = self.pause_s * 1.5
        self.pause_s = min(max(pause, self._least), self._most)
        return self.pause_s

    def fresh(self) -> None:
        """After nothing was out for a while: begin anew."""
        self._rate = 0.0
        self.pause_s = self._least
