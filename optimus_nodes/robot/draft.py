"""A first `config/robots/<name>.yaml` for a URDF: groups by name, gains and limits from masses and efforts.

Gains: a joint with inertia I (its row of the mass matrix, and the motor's) gets kp = I w^2 and kd = 2 d I w, a mass on
a spring of natural frequency w and damping ratio d; see Åström and Murray, Feedback Systems, 7.3. No joint gets
more kp than uses its whole torque at `_FULL` rad, and each enough to overcome friction and damping of its own.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pinocchio

from .description import Description, UrdfJoint, read_description

_STIFF = 30.0  # rad/s
_DAMPED = 0.7
_FULL = 0.2  # rad
_STUCK = 0.03  # rad: friction may keep a joint so far from where it is told to be
_CREEPS = 0.1  # s: a joint's own damping may delay it by so much
_PUSH_TIME = 0.004  # s
_TRIED, _OFTEN = 200, 0.25  # postures; share of them in which links touch that are built so
_PARTS = {  # the first word found in a joint's name decides
    "hand": ("hand", "finger", "thumb", "gripper", "palm", "index", "ring", "pinky", "little"),
    "arm": ("arm", "shoulder", "elbow", "wrist"),
    "leg": ("leg", "hip", "knee", "ankle", "foot", "thigh"),
    "neck": ("neck", "head"),
    "waist": ("waist", "torso", "trunk", "spine"),
}
_SIDES = {"left": r"(?:^|_)(?:left|l)(?:_|$)|^L(?=[A-Z])", "right": r"(?:^|_)(?:right|r)(?:_|$)|^R(?=[A-Z])"}


def group_of(joint: str) -> str:
    """The group a joint belongs to, by its name: left_arm, neck, ...; `other` when the name says nothing."""
    side = next((side for side, pattern in _SIDES.items() if re.search(pattern, joint)), "")
    lower = joint.lower()
    part = next((part for part, words in _PARTS.items() if any(word in lower for word in words)), "other")
    return part if part in ("neck", "waist", "other") or not side else f"{side}_{part}"


def draft_config(name: str, urdf: Path, relative: str) -> str:
    """The text of the yaml. `urdf` can be read, `relative` is how the yaml names it. Raises ConfigError."""
    description = read_description(urdf)
    model = pinocchio.buildModelFromXML(description.xml)
    rows, touching = _rows(description, model), _touching(description, model)
    groups = sorted({row[1] for row in rows})
    composed = {
        part + "s": [f"{side}_{part}" for side in ("left", "right") if f"{side}_{part}" in groups]
        for part in ("arm", "hand", "leg")
    }
    composed = {key: parts for key, parts in composed.items() if parts}
    imu = next((link for link in sorted(description.links) if "imu" in link), "base_link")
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    padded = [[v.ljust(w) if k < 2 else v.rjust(w) for k, (v, w) in enumerate(zip(row, widths))] for row in rows]
    lines = [f"  - [{', '.join(row)}]" for row in padded]
    return "\n".join(
        [
            f'# The robot "{name}": what its URDF does not say. All of it is a draft: `optimus doctor --robot {name}`.',
            f"urdf: {relative}",
            "",
            "# The joint order of the whole system. kp N·m/rad, kd N·m·s/rad, max_acceleration rad/s^2,",
            "# armature (inertia of motor and gear at the joint) kg·m^2, home rad.",
            "# push_time: how long a joint takes to reach its max_acceleration, s.",
            f"push_time: {_PUSH_TIME}",
            "columns: [name, group, kp, kd, max_acceleration, armature, home]",
            "joints:",
            *lines,
            "",
            "# Groups made of the groups above.",
            "groups:" if composed else "groups: {}",
            *(f"  {key}: [{', '.join(parts)}]" for key, parts in composed.items()),
            "",
            "# - {name: head, frame: head_optical_frame, width: 640, height: 480, rate_hz: 20, fovy_deg: 66}",
            "cameras: []",
            "",
            "# URDF links that feel force: the left hand, then the right hand.",
            "tactile_pads: []",
            "",
            f"imu_frame: {imu}",
            "",
            f"# Links that touch at home, or in every fourth of {_TRIED} postures: neither simulated nor watched.",
            "may_touch:" if touching else "may_touch: []",
            *(f"  - [{first}, {second}]" for first, second in touching),
            "",
        ]
    )


def _touching(description: Description, model: pinocchio.Model) -> list[tuple[str, str]]:
    """Pairs of links, no joint or more than one between them, that touch at home or often."""
    shapes = pinocchio.buildGeomFromUrdfString(model, description.xml, pinocchio.GeometryType.COLLISION)
    joints = [shape.parentJoint for shape in shapes.geometryObjects]
    links = [model.frames[shape.parentFrame].name for shape in shapes.geometryObjects]
    for second, joint in enumerate(joints):
        for first in range(second):
            other = joints[first]
            if joint != other and other != model.parents[joint] and joint != model.parents[other]:
                shapes.addCollisionPair(pinocchio.CollisionPair(first, second))
    data, found, rng = model.createData(), pinocchio.GeometryData(shapes), np.random.default_rng(0)
    touched = np.zeros(len(shapes.collisionPairs))
    home = np.array([_home(description.joints[name]) for name in model.names if name in description.joints])
    for k in range(_TRIED):
        q = rng.uniform(model.lowerPositionLimit, model.upperPositionLimit) if k else home
        pinocchio.computeCollisions(model, data, shapes, found, q, False)
        hits = np.array([result.isCollision() for result in found.collisionResults])
        touched += hits * (1.0 if k else _TRIED)
    pairs = [shapes.collisionPairs[int(k)] for k in np.flatnonzero(touched > _OFTEN * _TRIED)]
    return sorted({tuple(sorted((links[pair.first], links[pair.second]))) for pair in pairs})  # type: ignore[misc]


def _rows(description: Description, model: pinocchio.Model) -> list[tuple[str, ...]]:
    names = [name for name in model.names if name in description.joints]
    homes = {name: _home(description.joints[name]) for name in names}
    q = np.array([homes[name] for name in names])
    inertia = np.diag(pinocchio.crba(model, model.createData(), q))
    rows = []
    for name, felt in zip(names, inertia):
        effort = description.joints[name].effort
        armature = float(np.clip(4e-4 * effort, 5e-4, 0.1))
        whole = float(felt) + armature
        at = model.joints[model.getJointId(name)].idx_v
        friction, damping = float(model.friction[at]), float(model.damping[at])
        kp = min(max(whole * _STIFF**2, friction / _STUCK, damping / _CREEPS), effort / _FULL)
        kd = max(2.0 * _DAMPED * math.sqrt(kp * whole) - damping, 0.1 * math.sqrt(kp * whole))
        acceleration = float(np.clip(0.5 * effort / whole, 1.0, 60.0))
        numbers = (kp, kd, acceleration, armature, homes[name])
        rows.append((name, group_of(name), *(f"{value:.3g}" for value in numbers)))
    return rows


def _home(joint: UrdfJoint) -> float:
    """As near to 0 as the limits allow, and not at one of them."""
    room = 0.05 * (joint.upper - joint.lower)
    return round(min(max(0.0, joint.lower + room), joint.upper - room), 3)
