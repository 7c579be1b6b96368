"""How this process takes part in DDS: config/fastdds.xml, and a port of its own for what others send it.

Fast DDS numbers the processes of a domain, and a process that starts takes the lowest free number: after a
crash that of the dead one, and with it its port. Whoever sent to the dead one writes into its shared memory
for 1.3 s more, in the worst case for ever, and the new one hears nothing. Of ports after the process id one in
a hundred is taken twice in a row.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from ..core.errors import ConfigError
from ..robot.share import share_path

_PROFILE, _PORT = "FASTRTPS_DEFAULT_PROFILES_FILE", "OPTIMUS_DATA_PORT"
_STANDARD_PORT = 11  # offset d3 of the RTPS specification, 9.6.1.1: the first of its domain that carries data
_PORTS = 100  # every second one from there on; a domain has 250, the rest is for the number of the process
_PORTS_OF_LAST = 30  # ROS domain 232 ends at the last port there is


def transport_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables for other people's processes: their ports are the standard ones. A profile in `environment` stays."""
    settings = {_PORT: str(_STANDARD_PORT)}
    if _PROFILE in environment:
        settings[_PROFILE] = environment[_PROFILE]
        return settings
    with contextlib.suppress(ConfigError):  # without it images still arrive, only later
        settings[_PROFILE] = str(share_path("config/fastdds.xml"))
    return settings


def enter_transport() -> None:
    """Put the settings into this process before it starts rclpy. A port that is taken is no fault: it gets the next."""
    os.environ.update(transport_settings(os.environ))
    ports = _PORTS_OF_LAST if os.environ.get("ROS_DOMAIN_ID") == "232" else _PORTS
    os.environ[_PORT] = str(_STANDARD_PORT + 2 * (os.getpid() % ports))
