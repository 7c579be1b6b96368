"""The errors a user can cause. Anything else that is raised is a bug and must crash."""


class OptimusError(Exception):
    """Base of every error whose text is written for the person who can mend it."""


class ConfigError(OptimusError):
    """A file, parameter or option holds something that cannot be used."""


class CommandError(OptimusError):
    """A command was refused; `reason` is the short word it is counted under."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class ContractError(OptimusError):
    """A policy bundle and the robot do not fit each other."""


class DeviceError(OptimusError):
    """A camera, simulator or other device is missing or broken."""
