"""The environment variables the graph runs with, and a ROS domain nobody else uses."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Mapping
from pathlib import Path

import optimus_nodes
from optimus_nodes.core.errors import ConfigError, DeviceError
from optimus_nodes.ros.transport import enter_transport, transport_settings

MAX_DOMAIN = 232
_FREE_DOMAINS = range(20, 100)  # above 101 Linux hands the same UDP ports to other programs


def graph_environment(domain: int | None = None, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment for nodes: `base` (this process's by default) plus what is not set there yet.

    Only this machine is talked to unless ROS_AUTOMATIC_DISCOVERY_RANGE says otherwise. `domain` wins
    over ROS_DOMAIN_ID. Raises ConfigError on a domain outside 0 to 232.
    """
    environment = dict(os.environ if base is None else base)
    defaults = {
        "ROS_DOMAIN_ID": "0",
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "RCUTILS_COLORIZED_OUTPUT": "0",
    }
    for name, value in defaults.items():
        environment.setdefault(name, value)
    environment.update(transport_settings(environment))
    if domain is not None:
        environment["ROS_DOMAIN_ID"] = str(domain)
    number = environment["ROS_DOMAIN_ID"]
    if not number.isdigit() or int(number) > MAX_DOMAIN:
        raise ConfigError(f"ROS domain {number!r} is not a number from 0 to {MAX_DOMAIN} (--domain or ROS_DOMAIN_ID)")
    package_root = str(Path(optimus_nodes.__file__).resolve().parents[1])
    paths = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    if package_root not in paths:
        environment["PYTHONPATH"] = os.pathsep.join([package_root, *paths])
    return environment


def enter_graph_environment(domain: int | None = None) -> int:
    """Put the graph's environment into this process, before rclpy is started; returns the domain."""
    os.environ.update(graph_environment(domain))
    enter_transport()
    return int(os.environ["ROS_DOMAIN_ID"])


def free_domain() -> int:
    """A ROS domain in which nobody on this machine takes part now. Raises DeviceError when all are taken."""
    for domain in random.sample(list(_FREE_DOMAINS), len(_FREE_DOMAINS)):
        if _is_free(domain):
            return domain
    raise DeviceError(f"every ROS domain from {_FREE_DOMAINS[0]} to {_FREE_DOMAINS[-1]} is in use on this machine")


def _is_free(domain: int) -> bool:
    """Whether the UDP port of the domain's first participant is unused (DDS: 7410 + 250 domain)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", 7410 + 250 * domain))
        except OSError:
            return False
    return True
