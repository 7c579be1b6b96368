"""Checks of one robot's description: `optimus doctor --robot NAME`."""

from __future__ import annotations

from functools import partial

import numpy as np

from optimus_nodes.cli.findings import Check, Finding, broken, good, warning
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.values import JointCommand
from optimus_nodes.robot.body_clearance import BodyClearance
from optimus_nodes.robot.body_figures import body_figures
from optimus_nodes.robot.load import load_robot

_WIDEST, _FASTEST = 2.0 * np.pi, 40.0  # rad to either side, rad/s: more is a mistake in units more often than not
_LIGHTEST, _HEAVIEST = 1.0, 500.0  # kg
_SPARE = 0.7  # share of a joint's torque that carrying the robot may take
_TICK = 0.004  # s
_TOUCHING = 0.001  # m
_STOOD = 0.05  # rad
_STUCK, _CREEPS = 0.1, 0.5  # rad, s


def robot_checks(name: str) -> dict[str, Check]:
    """The checks of the robot `name`. Raises ConfigError when its files do not fit each other."""
    robot, urdf = load_robot(name)
    checks = (_limits, _masses, _carrying, _gains, _clear, _senses, _stands)
    return {check.__name__.strip("_"): partial(check, robot, urdf) for check in checks}


def _config(robot: RobotSpec) -> str:
    return f"edit config/robots/{robot.name}.yaml"


def _limits(robot: RobotSpec, urdf: str) -> Finding:
    """Limits are such as joints have."""
    wide = np.maximum(np.abs(robot.lower), np.abs(robot.upper)) > _WIDEST
    fast = robot.max_velocity > _FASTEST
    if (odd := wide | fast).any():
        names = _some(robot, odd)
        return warning(f"limits of {names} look like degrees, or like none", "mend <limit> in the URDF: rad and rad/s")
    widest = np.rad2deg((robot.upper - robot.lower).max())
    return good(f"{len(robot.joint_names)} joints, the widest turns by {widest:.0f} degrees")


def _masses(robot: RobotSpec, urdf: str) -> Finding:
    """Every link that moves has a mass and an inertia that a body can have."""
    figures = body_figures(robot, urdf)
    least, middle, most = figures.principal.T
    odd = (figures.carried <= 0.0) | (least <= 0.0) | (least + middle < most * (1.0 - 1e-6))
    if odd.any():
        return broken(f"what {_some(robot, odd)} carry has an inertia that no body has", "mend <inertial> in the URDF")
    if not _LIGHTEST < figures.mass < _HEAVIEST:
        return warning(f"the robot weighs {figures.mass:.3g} kg", "mend <mass> in the URDF: kg")
    return good(f"{figures.mass:.1f} kg, every inertia is possible")


def _carrying(robot: RobotSpec, urdf: str) -> Finding:
    """No joint needs most of its torque only to carry the robot in its home posture."""
    share = np.abs(body_figures(robot, urdf).gravity) / robot.max_effort
    worst = int(share.argmax())
    text = f"{robot.joint_names[worst]} needs {share[worst]:.0%} of its torque to carry the robot at home"
    if share[worst] > 1.0:
        return broken(text, f"{_config(robot)}: another home posture; or mend its effort limit in the URDF")
    if share[worst] > _SPARE:
        return warning(text, f"{_config(robot)}: another home posture")
    return good(text)


def _gains(robot: RobotSpec, urdf: str) -> Finding:
    """Springs are damped, overcome what holds their joints back, and act no faster than the control loop."""
    if (weak := robot.kp <= 0.0).any():
        return warning(f"{_some(robot, weak)} have no stiffness: nothing holds them", f"{_config(robot)}: kp above 0")
    figures = body_figures(robot, urdf)
    ratio = (robot.kd + figures.damping) / (2.0 * np.sqrt(robot.kp * figures.inertia))
    stuck, delay = figures.friction / robot.kp, figures.damping / robot.kp
    if (loose := ratio < 0.1).any():
        return warning(f"{_some(robot, loose)} will swing: damping ratio below 0.1", f"{_config(robot)}: a larger kd")
    if (held := stuck > _STUCK).any():
        text = f"friction can keep {_some(robot, held)} {stuck.max():.2f} rad from where they shall be"
        return warning(text, f"{_config(robot)}: a larger kp; or mend <dynamics friction> in the URDF")
    if (slow := delay > _CREEPS).any():
        text = f"their own damping delays {_some(robot, slow)} by {delay.max():.1f} s"
        return warning(text, f"{_config(robot)}: a larger kp; or mend <dynamics damping> in the URDF")
    if (fast := robot.kd * _TICK / figures.inertia > 2.0).any():
        text = f"the damping of {_some(robot, fast)} acts within a tick of {_TICK * 1e3:.0f} ms"
        return warning(text, f"{_config(robot)}: a smaller kd, or a larger armature")
    return good(f"damping ratios {ratio.min():.2f} to {ratio.max():.2f}")


def _clear(robot: RobotSpec, urdf: str) -> Finding:
    """In the home posture no links touch that are not neighbours."""
    body = BodyClearance(robot, urdf)
    seen = body.look(robot.home, 0.05)
    near = [body.names(pair) for pair, distance in zip(seen.pairs, seen.distances) if distance < _TOUCHING]
    if near:
        text = f"at home {' and '.join(near[0])} touch"
        return warning(text, f"{_config(robot)}: another home; or mend the collision shapes in the URDF")
    closest = f", the nearest at home {100 * min(seen.distances):.1f} cm apart" if len(seen.distances) else ""
    return good(f"{body.watched} pairs of shapes are watched{closest}")


def _senses(robot: RobotSpec, urdf: str) -> Finding:
    """What it sees and feels with."""
    groups = [name for name in ("left_arm", "right_arm") if name in robot.groups]
    text = f"cameras {', '.join(c.name for c in robot.cameras) or 'none'}; {len(robot.tactile_pads)} touch pads"
    if not robot.cameras or not groups:
        lacking = "no camera" if not robot.cameras else "no group left_arm or right_arm"
        return warning(f"{lacking}: no policy can use it ({text})", f"{_config(robot)}: cameras, and groups of joints")
    return good(f"{text}; IMU at {robot.imu_frame}")


def _stands(robot: RobotSpec, urdf: str) -> Finding:
    """In simulation it stays in its home posture for a second, its pelvis held."""
    from optimus_nodes.sim.driven import DrivenWorld

    world = DrivenWorld(robot, urdf, scene=None)
    still = np.zeros_like(robot.home)
    for _ in range(250):
        world.apply(JointCommand(world.time, robot.home, still, world.hold_effort(), robot.kp, robot.kd))
        world.step(2)
    off = np.abs(world.joint_state().position - robot.home)
    worst = int(np.nan_to_num(off, nan=np.inf).argmax())
    if not off[worst] < _STOOD:
        text = f"in simulation {robot.joint_names[worst]} is {off[worst]:.2f} rad off home after a second"
        return broken(text, f"{_config(robot)}: kp, kd and armature of that joint, or another home")
    return good(f"it stands in simulation, no joint more than {off[worst]:.4f} rad off")


def _some(robot: RobotSpec, which: np.ndarray) -> str:
    names = [robot.joint_names[k] for k in np.flatnonzero(which)]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
