"""The one kind of error the set-up reports: what is wrong, and the command that mends it."""

from __future__ import annotations


class SetupProblem(Exception):
    """`what` is wrong, and `fix` is what to type; printed as one line, exit code 2."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what + ". Mend it with: " + fix)
        self.what = what
        self.fix = fix
