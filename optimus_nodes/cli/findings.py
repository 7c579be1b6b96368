"""What `optimus doctor` finds: one value per check, with its cause and the command that mends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

OK, WARNING, BROKEN = "ok", "warning", "broken"


@dataclass(frozen=True)
class Finding:
    """`state` is ok, warning (works, but not everything or not well) or broken; `fix` is what to type."""

    state: str
    text: str
    fix: str = ""

    def __post_init__(self) -> None:
        if self.state != OK and not self.fix:
            raise ValueError(f"a finding that is not ok must say how to mend it: {self.text}")


Check = Callable[[], Finding]


def good(text: str) -> Finding:
    """Nothing to do."""
    return Finding(OK, text)


def warning(text: str, fix: str) -> Finding:
    """It works, but worse than it could."""
    return Finding(WARNING, text, fix)


def broken(text: str, fix: str) -> Finding:
    """Something will not work."""
    return Finding(BROKEN, text, fix)


def examine(check: Check) -> Finding:
    """The finding of `check`; a check that itself fails is a finding too, with the reason."""
    try:
        return check()
    except Exception as error:  # whatever broke is what the person wants to read
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return broken(f"the check failed with {reason}", "make clean && make env")


def exit_code(findings: list[Finding]) -> int:
    """0 all is well, 1 warnings only, 2 something is broken."""
    states = {finding.state for finding in findings}
    return 2 if BROKEN in states else 1 if WARNING in states else 0


def as_dict(name: str, finding: Finding) -> dict[str, str]:
    """For --json."""
    return {"check": name, **asdict(finding)}
