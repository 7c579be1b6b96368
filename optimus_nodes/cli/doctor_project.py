"""Checks of the installation: libraries, ROS, messages, robot, graph and policy."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import yaml

from optimus_nodes.cli.environment import free_domain, graph_environment
from optimus_nodes.cli.findings import Check, Finding, broken, good, warning
from optimus_nodes.core.errors import OptimusError
from optimus_nodes.core.graph import parse_graph
from optimus_nodes.robot.load import load_robot
from optimus_nodes.robot.share import share_path

SET_UP = "make env"
START_OVER = "make clean && make env"
SEGMENT_MB = 16
TALK = """
import time
import rclpy
from optimus_humanoid.msg import Task
from rclpy.utilities import get_rmw_implementation_identifier
rclpy.init()
node = rclpy.create_node("doctor")
heard = []
node.create_subscription(Task, "doctor", heard.append, 1)
publisher = node.create_publisher(Task, "doctor", 1)
end = time.monotonic() + 5
while not heard and time.monotonic() < end:
    publisher.publish(Task(sentence="hello"))
    rclpy.spin_once(node, timeout_sec=0.05)
print(get_rmw_implementation_identifier(), len(heard))
node.destroy_node()
rclpy.shutdown()
"""


def rclpy_imports() -> Finding:
    """rclpy can be imported, and the libraries it stands on load."""
    import rclpy

    where = Path(rclpy.__file__).parent
    sourced = os.environ.get("ROS_DISTRO", "")
    if sourced and str(where).startswith(sys.prefix):
        text = f"ROS 2 {sourced} is sourced, but rclpy comes from the wheels in {sys.prefix}: they do not mix"
        return broken(text, f"{START_OVER}   (with ROS sourced, it leaves the wheels out)")
    return good(f"rclpy from {where}")


def messages() -> Finding:
    """Every file in msg/, srv/ and action/ is compiled, with the fields it has now."""
    root = share_path("msg").parent
    for kind in ("msg", "srv", "action"):
        module = importlib.import_module(f"optimus_humanoid.{kind}")
        for file in sorted((root / kind).glob(f"*.{kind}")):
            if not hasattr(module, file.stem):
                return broken(f"{kind}/{file.name} is not compiled", SET_UP)
            if kind == "msg" and _fields(file) != set(getattr(module, file.stem).get_fields_and_field_types()):
                return broken(f"{kind}/{file.name} was changed after it was compiled", SET_UP)
    return good("every message is compiled and up to date")


def middleware() -> Finding:
    """A message of ours goes out and comes back through DDS, in a domain of its own."""
    environment = graph_environment(free_domain())
    run = subprocess.run(
        [sys.executable, "-c", TALK], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    words = run.stdout.split()
    if run.returncode or len(words) != 2:
        reason = (run.stderr.strip().splitlines() or [f"exit code {run.returncode}"])[-1]
        return broken(f"a ROS node does not start: {reason}", START_OVER)
    if words[1] == "0":
        fix = "rm -f /dev/shm/fastrtps_* /dev/shm/sem.fastrtps_*   (end all ROS nodes first)"
        return broken("a message sent through DDS did not come back in 5 s", fix)
    if words[0] != "rmw_fastrtps_cpp":
        text = f"the middleware is {words[0]}; config/fastdds.xml only tunes rmw_fastrtps_cpp"
        return warning(text, "export RMW_IMPLEMENTATION=rmw_fastrtps_cpp")
    return good("a message went through rmw_fastrtps_cpp and back")


def transport_profile() -> Finding:
    """The Fast DDS profile has a shared-memory segment that images fit in, and is the one in use."""
    ours = share_path("config/fastdds.xml")
    used = Path(os.environ.get("FASTRTPS_DEFAULT_PROFILES_FILE", ours))
    if not used.is_file():
        text = f"FASTRTPS_DEFAULT_PROFILES_FILE names {used}, which does not exist"
        return broken(text, "unset FASTRTPS_DEFAULT_PROFILES_FILE")
    sizes = [int(tag.text or 0) for tag in ElementTree.parse(used).iter() if tag.tag.endswith("segment_size")]
    if max(sizes, default=0) < SEGMENT_MB * 2**20:
        text = f"{used} has no shared-memory segment of {SEGMENT_MB} MB or more: images go the slow way"
        return warning(text, "unset FASTRTPS_DEFAULT_PROFILES_FILE")
    return good(f"images go through shared memory ({used})")


def mujoco_version() -> Finding:
    """MuJoCo 3: 4.0.0 has a solver bug, and 4.x comes in three packages."""
    found = importlib.metadata.version("mujoco")
    if not found.startswith("3."):
        return broken(f"mujoco {found}; 3.3 or a newer 3 is needed", "pip install 'mujoco>=3.3,<4'   (or: make env)")
    return good(f"mujoco {found}")


def codecs() -> Finding:
    """Ten pictures are encoded as H.264 and decoded again."""
    import av
    import numpy as np

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for shade in range(10):
            picture = np.full((48, 64, 3), 20 * shade, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode())
    file.seek(0)
    with av.open(file) as recording:
        count = sum(1 for _ in recording.decode(video=0))
    if count != 10:
        return broken(f"10 pictures were encoded and {count} decoded", START_OVER)
    return good("10 pictures were encoded and decoded")


def inference() -> Finding:
    """ONNX Runtime is there and can use the processor."""
    import onnxruntime

    if "CPUExecutionProvider" not in onnxruntime.get_available_providers():
        return broken(f"onnxruntime {onnxruntime.__version__} cannot use the processor", START_OVER)
    return good(f"onnxruntime {onnxruntime.__version__}")


def training() -> Finding:
    """Torch, needed by `optimus train` only."""
    if importlib.util.find_spec("torch") is None:
        return warning("torch is not installed: `optimus train` will not run", "make env-train")
    return good(f"torch {importlib.metadata.version('torch')}")


def voice() -> Finding:
    """What speech_node hears and speaks with, needed by `optimus up --voice` only."""
    if importlib.util.find_spec("pocketsphinx") is None:
        return warning("pocketsphinx is not installed: `optimus up --voice` will not run", "make env-voice")
    if lacking := [program for program in ("arecord", "aplay") if shutil.which(program) is None]:
        return warning(f"no {' and no '.join(lacking)}: no microphone or speaker", "sudo apt-get install -y alsa-utils")
    return good(f"pocketsphinx {importlib.metadata.version('pocketsphinx')}, arecord, aplay")


def robot() -> Finding:
    """The robot's description loads and fits its configuration."""
    try:
        spec, _ = load_robot("optimus")
    except OptimusError as error:
        return broken(str(error), "git checkout -- urdf config/robots")
    return good(f"robot {spec.name} with {len(spec.joint_names)} joints")


def graph() -> Finding:
    """Every node of the graph exists."""
    path = share_path("config/graph.yaml")
    try:
        nodes = parse_graph(yaml.safe_load(path.read_text()), str(path))
    except (OptimusError, yaml.YAMLError) as error:
        return broken(str(error).splitlines()[0], "git checkout -- config/graph.yaml")
    for node in nodes:
        if importlib.util.find_spec(f"optimus_nodes.{node.executable}") is None:
            text = f"{path}: node {node.name} wants optimus_nodes/{node.executable}.py, which is missing"
            return broken(text, f"git checkout -- optimus_nodes/{node.executable}.py")
    return good(f"{len(nodes)} nodes in {path}")


def policy() -> Finding:
    """Every model bundle fits the robot."""
    from optimus_nodes.policy.runtime import load_policy

    try:
        bundles = sorted(file.parent for file in share_path("models").glob("*/policy.yaml"))
    except OptimusError:
        bundles = []
    if not bundles:
        fix = "git checkout -- models   (or make one: optimus collect && optimus train)"
        return broken("there is no model bundle in models/", fix)
    spec, _ = load_robot("optimus")
    try:
        for bundle in bundles:
            load_policy(bundle, spec)
    except OptimusError as error:
        return broken(str(error), "git checkout -- models config/robots urdf")
    return good(f"{', '.join(bundle.name for bundle in bundles)} fits robot {spec.name}")


def _fields(file: Path) -> set[str]:
    """Names of the fields in a .msg file; constants have a = sign."""
    lines = [line.split("#")[0].split() for line in file.read_text().splitlines()]
    return {words[1] for words in lines if len(words) >= 2 and "=" not in "".join(words)}


CHECKS: dict[str, Check] = {
    "rclpy": rclpy_imports,
    "messages": messages,
    "middleware": middleware,
    "transport": transport_profile,
    "mujoco": mujoco_version,
    "codecs": codecs,
    "inference": inference,
    "training": training,
    "voice": voice,
    "robot": robot,
    "graph": graph,
    "policy": policy,
}
