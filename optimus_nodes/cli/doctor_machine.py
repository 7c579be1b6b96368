"""Checks of the machine: what the system must offer."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

from optimus_nodes.cli.findings import Check, Finding, broken, good, warning

GRAPHICS = "sudo apt-get install -y libegl1 libopengl0 libgl1-mesa-dri"
RENDER = """
import mujoco
model = mujoco.MjModel.from_xml_string('<mujoco><worldbody><light pos="0 0 2"/><geom size="1"/></worldbody></mujoco>')
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 48, 64) as renderer:
    renderer.update_scene(data)
    assert renderer.render().max() > 0, "the picture is black"
"""
DISK_GB, MEMORY_GB, SHM_MB = 2.0, 4.0, 512
RT_PRIORITY = 10
RT_FIX = (
    f"printf '%s\\n' '{os.environ.get('USER', '*')} - rtprio 98' '{os.environ.get('USER', '*')} - memlock unlimited' "
    "| sudo tee /etc/security/limits.d/optimus.conf   (then log in anew)"
)
DISCOVERY_GROUP = "239.255.0.1"  # where DDS participants look for each other


def python_version() -> Finding:
    """Python 3.10 to 3.13."""
    here = ".".join(str(part) for part in sys.version_info[:3])
    if not (3, 10) <= sys.version_info[:2] <= (3, 13):
        return broken(f"Python {here}; 3.10 to 3.13 are supported", "make clean && make env PYTHON=python3.12")
    return good(f"Python {here}")


def processor() -> Finding:
    """Two cores."""
    cores = len(os.sched_getaffinity(0))
    if cores < 2:
        return warning(f"{cores} core; the whole robot in real time needs 2", "optimus eval   (needs no real time)")
    return good(f"{cores} cores")


def memory() -> Finding:
    """Memory that is free now."""
    words = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    free = int(words["MemAvailable"].split()[0]) / 1e6
    if free < MEMORY_GB:
        return warning(f"{free:.1f} GB of memory free; {MEMORY_GB:.0f} GB are wanted", "ps aux --sort=-rss | head")
    return good(f"{free:.1f} GB of memory free")


def disk() -> Finding:
    """Room for videos, logs and demonstrations."""
    free = shutil.disk_usage(".").free / 1e9
    if free < DISK_GB:
        return broken(f"{free:.1f} GB free in {Path.cwd()}; {DISK_GB:.0f} GB are needed", "du -sh runs data .venv")
    return good(f"{free:.0f} GB of disk free")


def shared_memory() -> Finding:
    """Room in /dev/shm, through which DDS sends messages; each process takes 64 MB (config/fastdds.xml)."""
    free = shutil.disk_usage("/dev/shm").free / 1e6
    if free < SHM_MB:
        fix = f"sudo mount -o remount,size={2 * SHM_MB}m /dev/shm   (docker: --shm-size={2 * SHM_MB}m)"
        return broken(f"/dev/shm has {free:.0f} MB free; the nodes need {SHM_MB} MB to send messages", fix)
    return good(f"/dev/shm has {free:.0f} MB free")


def graphics() -> Finding:
    """One picture drawn without a display, in a process of its own: a bad driver may crash it."""
    environment = dict(os.environ, MUJOCO_GL="egl")
    run = subprocess.run(
        [sys.executable, "-c", RENDER], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    if run.returncode:
        reason = (run.stderr.strip().splitlines() or [f"exit code {run.returncode}"])[-1]
        return broken(f"no picture can be drawn with EGL: {reason}", GRAPHICS)
    return good("a picture was drawn with EGL, without a display")


def realtime() -> Finding:
    """Whether the joint controller may ask for real-time priority; tried on a thread that ends at once."""
    answer: list[OSError] = []

    def try_it() -> None:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(RT_PRIORITY))
        except OSError as error:
            answer.append(error)

    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join()
    if answer:
        limit = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
        return warning(f"no real-time priority (rtprio limit {limit}): the control loop may be late under load", RT_FIX)
    locked = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if os.geteuid() != 0 and locked != resource.RLIM_INFINITY:
        text = f"the control loop's memory may be swapped out (memlock limit {locked // 1024} kB)"
        return warning(text, RT_FIX)
    return good("real-time priority and memory locking are allowed")


def loopback() -> Finding:
    """A UDP packet to this machine itself comes back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(1.0)
        try:
            receiver.sendto(b"optimus", receiver.getsockname())
            receiver.recv(16)
        except OSError as error:
            text = f"a packet to 127.0.0.1 does not arrive ({error}): nodes cannot talk"
            return broken(text, "sudo ip link set lo up")
    return good("packets to 127.0.0.1 arrive")


def multicast() -> Finding:
    """Whether DDS's discovery group can be joined; only needed between machines."""
    membership = socket.inet_aton(DISCOVERY_GROUP) + socket.inet_aton("127.0.0.1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as member:
        try:
            member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        except OSError as error:
            return warning(f"multicast does not work on loopback ({error})", "sudo ip link set lo multicast on")
    return good("the discovery group can be joined")


CHECKS: dict[str, Check] = {
    "python": python_version,
    "processor": processor,
    "memory": memory,
    "disk": disk,
    "shm": shared_memory,
    "graphics": graphics,
    "realtime": realtime,
    "loopback": loopback,
    "multicast": multicast,
}
