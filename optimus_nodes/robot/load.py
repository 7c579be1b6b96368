"""Read a robot: its URDF and `config/robots/<name>.yaml`, checked against each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ..core.errors import ConfigError
from ..core.robot import CameraSpec, RobotSpec
from . import abilities
from .description import Description, describe, read_description
from .packaged import SCHEME, packaged_text
from .share import share_path

LONGEST_PUSH = 0.1  # s: a robot that takes longer to brake harder is hard to stop
COLUMNS = ("name", "group", "kp", "kd", "max_acceleration", "armature", "home")
_KEYS: dict[str, type] = {
    "urdf": str,
    "columns": list,
    "push_time": float,
    "joints": list,
    "groups": dict,
    "cameras": list,
    "tactile_pads": list,
    "imu_frame": str,
}
_CAMERA_KEYS: dict[str, type] = {
    "name": str,
    "frame": str,
    "width": int,
    "height": int,
    "rate_hz": float,
    "fovy_deg": float,
}


def load_robot(name: str) -> tuple[RobotSpec, str]:
    """The robot of that name, and its URDF as XML text.

    Raises: ConfigError when there is no such robot, or its yaml and URDF do not fit each other.
    """
    try:
        path = share_path(f"config/robots/{name}.yaml")
    except ConfigError:
        known = sorted(p.stem for p in share_path("config/robots").glob("*.yaml"))
        raise ConfigError(f"there is no robot {name!r}; config/robots has {known}") from None
    return read_robot(name, path, urdf_root=path.parents[2])


def read_robot(name: str, path: Path, urdf_root: Path) -> tuple[RobotSpec, str]:
    """Like load_robot, from the yaml at `path`; its `urdf` entry is relative to `urdf_root`."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    extra = data if isinstance(data, dict) else {}  # what a robot may do without
    crouch, may_touch, frames = extra.pop("crouch", None), extra.pop("may_touch", []), extra.pop("frames", [])
    hands, tasks = extra.pop("hands", None), extra.pop("tasks", [])
    bench = extra.pop("bench", {"nearer": 0.0, "higher": 0.0})
    _check_entries(data, _KEYS, str(path))
    urdf, description = _describe(data["urdf"], frames, path, urdf_root)
    if not 0.0 < data["push_time"] <= LONGEST_PUSH:
        raise ConfigError(f"{path}: push_time is {data['push_time']} s, it must be above 0 and at most {LONGEST_PUSH}")
    rows = _rows(data, path)
    _check_joints(rows, description, path, urdf)
    spec = _spec(name, data, rows, description, path)
    spec = replace(
        spec,
        crouch=_crouch(crouch, spec, path),
        may_touch=_may_touch(may_touch, description, path),
        hands=abilities.hands(hands, spec, path),
        tasks=abilities.tasks(tasks, path),
        bench=abilities.bench(bench, path),
    )
    return spec, description.xml


def _describe(source: str, frames: Any, path: Path, root: Path) -> tuple[Path, Description]:
    """The URDF that the entry `urdf` names, with the links of `frames`, and where it came from."""
    if source.startswith(SCHEME):
        return Path(source), describe(packaged_text(source, frames, str(path)), path)
    urdf = root / source
    if not urdf.is_file():
        raise ConfigError(f"{path} names the urdf {source!r}, but {urdf} does not exist")
    if frames:
        raise ConfigError(f"{path}: frames are for URDFs of packages; put yours into {urdf}")
    return urdf, read_description(urdf)


def _spec(name: str, data: Mapping[str, Any], rows: list[dict[str, Any]], urdf: Description, path: Path) -> RobotSpec:
    joints = [urdf.joints[row["name"]] for row in rows]

    def column(key: str) -> np.ndarray:
        return np.array([row[key] for row in rows], dtype=np.float64)

    cameras = tuple(_camera(entry, urdf, path) for entry in data["cameras"])
    _check_unique([camera.name for camera in cameras], "camera", path)
    pads = tuple(str(pad) for pad in data["tactile_pads"])
    _check_unique(list(pads), "tactile pad", path)
    for pad in pads:
        _check_link(pad, f"tactile pad {pad!r}", urdf, path)
    _check_link(data["imu_frame"], "imu_frame", urdf, path)
    return RobotSpec(
        name=name,
        joint_names=tuple(row["name"] for row in rows),
        lower=np.array([joint.lower for joint in joints]),
        upper=np.array([joint.upper for joint in joints]),
        max_velocity=np.array([joint.velocity for joint in joints]),
        max_acceleration=column("max_acceleration"),
        max_jerk=column("max_acceleration") / data["push_time"],
        max_effort=np.array([joint.effort for joint in joints]),
        kp=column("kp"),
        kd=column("kd"),
        armature=column("armature"),
        home=column("home"),
        crouch=None,
        groups=_groups(data["groups"], rows, path),
        cameras=cameras,
        tactile_pads=pads,
        imu_frame=data["imu_frame"],
        urdf_sha256=urdf.sha256,
    )


def _crouch(angles: Any, robot: RobotSpec, path: Path) -> np.ndarray | None:
    """The home posture with the joints that `crouch` names where it says, (J,) rad; None without `crouch`."""
    if angles is None:
        return None
    if not isinstance(angles, dict) or not all(_is_number(angle) for angle in angles.values()):
        raise ConfigError(f"{path}: crouch is {angles!r}; it must be names of joints and their rad")
    posture: np.ndarray = robot.home.copy()
    for name, angle in angles.items():
        if name not in robot.joint_names:
            raise ConfigError(f"{path}: crouch has joint {name!r}, but joints has no such joint")
        k = robot.joint_names.index(name)
        if not robot.lower[k] <= angle <= robot.upper[k]:
            limits = f"{robot.lower[k]:g} to {robot.upper[k]:g} rad"
            raise ConfigError(f"{path}: crouch of joint {name!r} is {angle} rad, outside its limits {limits}")
        posture[k] = angle
    return posture


def _may_touch(pairs: Any, urdf: Description, path: Path) -> tuple[tuple[str, str], ...]:
    """The pairs of links, checked to be in the URDF."""
    found = []
    for pair in pairs if isinstance(pairs, list) else [pairs]:
        if not isinstance(pair, list) or len(pair) != 2:
            raise ConfigError(f"{path}: may_touch holds {pair!r}; it must be pairs of URDF links, as in [neck, torso]")
        for link in pair:
            _check_link(str(link), "a link of may_touch", urdf, path)
        found.append((str(pair[0]), str(pair[1])))
    return tuple(found)


def _rows(data: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
    """The joint table as one dict per joint, every number checked to be finite and not negative (home aside)."""
    if tuple(data["columns"]) != COLUMNS:
        raise ConfigError(f"{path}: columns are {data['columns']}, they must be {list(COLUMNS)}")
    rows = []
    for line in data["joints"]:
        if not isinstance(line, list) or len(line) != len(COLUMNS):
            raise ConfigError(f"{path}: joint row {line} must have {len(COLUMNS)} values, one for each of columns")
        row = dict(zip(COLUMNS, line))
        row["name"], row["group"] = str(row["name"]), str(row["group"])
        for key in COLUMNS[2:]:
            value = row[key]
            if not _is_number(value) or (value < 0 and key != "home"):
                least = "a number" if key == "home" else "a number >= 0"
                raise ConfigError(f"{path}: {key} of joint {row['name']!r} is {value!r}, it must be {least}")
        if row["max_acceleration"] == 0:
            raise ConfigError(f"{path}: max_acceleration of joint {row['name']!r} is 0, it must be above 0")
        rows.append(row)
    _check_unique([row["name"] for row in rows], "joint", path)
    return rows


def _check_joints(rows: list[dict[str, Any]], urdf: Description, path: Path, urdf_path: Path) -> None:
    for row in rows:
        name = row["name"]
        if name not in urdf.joints:
            raise ConfigError(f"{path} has joint {name!r}, but {urdf_path} has no such joint")
        joint = urdf.joints[name]
        if not joint.lower <= row["home"] <= joint.upper:
            raise ConfigError(
                f"home of joint {name!r} is {row['home']} rad ({path}), outside its limits "
                f"{joint.lower} to {joint.upper} rad ({urdf_path})"
            )
    missing = sorted(set(urdf.joints) - {row["name"] for row in rows})
    if missing:
        raise ConfigError(f"{urdf_path} has joint {missing[0]!r}, but {path} does not list it")


def _groups(composed: Mapping[str, list[str]], rows: list[dict[str, Any]], path: Path) -> dict[str, tuple[str, ...]]:
    """Groups by the `group` column, then those composed of them; joints in robot order."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row["name"])
    for name, parts in composed.items():
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise ConfigError(f"{path}: group {name!r} must be a list of group names, it is {parts!r}")
        if name in groups:
            raise ConfigError(f"{path}: group {name!r} is both composed and in the group column of joints")
        unknown = [part for part in parts if part not in groups]
        if unknown:
            raise ConfigError(f"{path}: group {name!r} has part {unknown[0]!r}, known groups are {sorted(groups)}")
        members = {joint for part in parts for joint in groups[part]}
        groups[name] = [row["name"] for row in rows if row["name"] in members]
    return {name: tuple(joints) for name, joints in groups.items()}


def _camera(entry: Any, urdf: Description, path: Path) -> CameraSpec:
    _check_entries(entry, _CAMERA_KEYS, f"{path}: a camera")
    camera = CameraSpec(
        name=entry["name"],
        frame=entry["frame"],
        width=entry["width"],
        height=entry["height"],
        rate_hz=float(entry["rate_hz"]),
        fovy_deg=float(entry["fovy_deg"]),
    )
    _check_link(camera.frame, f"frame of camera {camera.name!r}", urdf, path)
    if camera.width < 1 or camera.height < 1 or camera.rate_hz <= 0 or not 0 < camera.fovy_deg < 180:
        raise ConfigError(
            f"{path}: camera {camera.name!r} has {camera.width}x{camera.height} pixels, {camera.rate_hz} Hz, "
            f"fovy {camera.fovy_deg} degrees; sizes and rate must be above 0, fovy between 0 and 180"
        )
    return camera


def _check_link(link: str, what: str, urdf: Description, path: Path) -> None:
    if link not in urdf.links:
        raise ConfigError(f"{path}: {what} is {link!r}, but the URDF has no such link")


def _check_entries(data: Any, allowed: Mapping[str, type], where: str) -> None:
    """`data` must be a mapping with exactly the keys of `allowed`, each of its type (an int is a float too)."""
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where} must be a mapping with {sorted(allowed)}, it is {data!r}")
    wrong = sorted(set(allowed).symmetric_difference(str(key) for key in data))
    if wrong:
        state = "missing" if wrong[0] in allowed else "unknown"
        raise ConfigError(f"{where}: entry {wrong[0]!r} is {state}; the entries are {sorted(allowed)}")
    for key, kind in allowed.items():
        value = data[key]
        fits = _is_number(value) if kind is float else isinstance(value, kind) and not isinstance(value, bool)
        if not fits:
            raise ConfigError(f"{where}: {key} is {value!r}, it must be of type {kind.__name__}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _check_unique(names: list[str], kind: str, path: Path) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigError(f"{path} has {kind} {repeated[0]!r} twice")
