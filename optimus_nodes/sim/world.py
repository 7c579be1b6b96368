"""The simulated robot at its bench: commands in, sensor values out, 2 ms at a time. No clock, no thread."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from ..core.errors import ConfigError
from ..core.perturb import Look, Perturbation
from ..core.robot import RobotSpec
from ..core.scene import SceneConfig, SceneDraw, draw_scene
from ..core.tasks_body import Body
from ..core.values import Array, ImuReading, JointCommand, JointState, SceneObject, SceneState
from .bench_model import BenchThings
from .model import BENCH_RGBA, compile_model, hand_of

FURTHEST = 3.0  # m from the base that a thing can be put
# Of its edges: an object's volume, and the second moment of its mass about its middle.
SHAPES = {"box": (1.0, 1.0 / 12.0), "egg": (np.pi / 6.0, 1.0 / 20.0)}
_RELEASED = 2  # contacts with a hand below which a box counts as not held


@dataclass(frozen=True, slots=True)
class PhysicsSnapshot:
    """What a renderer needs to draw one instant: robot time s and the generalised positions."""

    stamp: float
    qpos: Array


class SimWorld:
    """A robot on a bench. The same seed and the same commands give the same motion, bit for bit."""

    def __init__(
        self,
        robot: RobotSpec,
        urdf: str,
        *,
        base: str = "fixed",
        scene: SceneConfig | None = SceneConfig(),
        seed: int = 0,
    ) -> None:
        self.robot = robot
        self.scene = scene = None if scene is None else scene.moved(*robot.bench)
        self.model = compile_model(robot, urdf, scene, base)
        self.data = mujoco.MjData(self.model)
        self._seed = 0
        self.draw: SceneDraw | None = None
        self.perturbation = Perturbation()  # acts from the next reset on; what it moves is in `scene` already
        self.look = Look()
        bench = scene.bench if scene is not None else None
        self._things = BenchThings(self.model, bench, scene.bench_top) if scene and bench else None
        self._index_model()
        self._defaults = {
            name: getattr(self.model, name).copy()
            for name in ("light_pos", "light_diffuse", "cam_pos", "cam_quat", "geom_rgba")
        }
        self._ambient = self.model.vis.headlight.ambient.copy()
        self.reset(seed)

    def _index_model(self) -> None:
        model, names = self.model, self.robot.joint_names
        self._qpos = np.array([model.joint(n).qposadr[0] for n in names])
        self._dof = np.array([model.joint(n).dofadr[0] for n in names])
        self._act = np.array([model.actuator(n).id for n in names])
        pads = [model.sensor(p).adr[0] for p in self.robot.tactile_pads]
        self._pads = np.array(pads, dtype=np.intp)
        self._pad_of = np.full(model.nbody, -1)
        self._pad_of[[model.body(pad).id for pad in self.robot.tactile_pads]] = np.arange(len(pads))
        self._imu = {
            k: slice(model.sensor(k).adr[0], model.sensor(k).adr[0] + model.sensor(k).dim[0])
            for k in ("imu_quat", "imu_gyro", "imu_acc")
        }
        self._imu_is_fixed = model.body_weldid[model.site("imu").bodyid[0]] == 0
        self._broken: set[str] = set()
        self.squeezed: dict[str, float] = {}  # N between two plates, of things that can break, in the last step
        self._boxes = [model.body(b).name for b in range(model.nbody) if model.body(b).name.startswith("box_")]
        self._box_body = {name: model.body(name).id for name in self._boxes}
        self._side = np.array([hand_of(model.body(b).name) for b in range(model.nbody)], dtype=object)

    @property
    def time(self) -> float:
        """Robot time, s."""
        return float(self.data.time)

    def reset(self, seed: int, time: float | None = None) -> SceneState:
        """Put the robot in its home posture and lay out the scene of `seed`. Robot time goes on, or is set to `time`.

        Raises: ConfigError on a negative seed.
        """
        stamp = self.data.time if time is None else time
        draw = self.perturbation.draw(draw_scene(self.scene, seed, len(self.robot.cameras))) if self.scene else None
        mujoco.mj_resetData(self.model, self.data)
        self.data.time = stamp
        self._seed, self.draw, self._broken = seed, draw, set()
        self.data.qpos[self._qpos] = self.robot.home
        if draw is not None:
            self._lay_out(draw)
        home = self.robot
        zero = np.zeros(len(home.joint_names))
        self.apply(JointCommand(stamp, home.home, zero, zero, home.kp, home.kd))
        mujoco.mj_forward(self.model, self.data)
        return self.scene_state()

    def pose(self, position: Array) -> None:
        """Put the joints at `position` (J,) rad, at rest, in an instant. For the start of an episode only."""
        self.data.qpos[self._qpos] = position
        self.data.qvel[self._dof] = 0.0
        mujoco.mj_forward(self.model, self.data)

    def move(self, name: str, position: Array, orientation: Array) -> None:
        """Put a loose thing somewhere else in an instant, at rest. Raises ConfigError, and then nothing was moved.

        Args: position: (3,) m in the base frame. orientation: quaternion (w, x, y, z), of any length but 0.
        """
        loose = [self.model.joint(j).name for j in range(self.model.njnt)]
        loose = [joint.removesuffix("_free") for joint in loose if joint.endswith("_free") and joint != "base_free"]
        if name not in loose:
            raise ConfigError(f"nothing called {name!r} can be moved; there are {', '.join(loose) or 'none'}")
        length = float(np.linalg.norm(orientation))
        if not np.isfinite([*position, length]).all() or length < 1e-6 or np.abs(position).max() > FURTHEST:
            where = f"at {np.asarray(position).tolist()} m, turned by {np.asarray(orientation).tolist()}"
            raise ConfigError(
                f"{name} can't be put {where}: coordinates may be {FURTHEST:g} m at most, and the quaternion not zero"
            )
        joint = self.model.joint(f"{name}_free")
        start, dof = joint.qposadr[0], joint.dofadr[0]
        self.data.qpos[start : start + 7] = (*position, *(orientation / length))
        self.data.qvel[dof : dof + 6] = 0.0
        mujoco.mj_forward(self.model, self.data)

    def project(self, camera: str, point: Array) -> tuple[float, float]:
        """Where the point (3,) m of the base frame is in a camera's picture: u, v from 0 to 1 across and down.

        NaN, NaN when it is out of the picture.
        """
        number = self.model.camera(camera).id
        width, height = self.model.cam_resolution[number]
        seen = self.data.cam_xmat[number].reshape(3, 3).T @ (point - self.data.cam_xpos[number])
        if seen[2] >= -1e-3:
            return float("nan"), float("nan")
        reach = 2.0 * np.tan(np.deg2rad(self.model.cam_fovy[number]) / 2.0) * -seen[2]
        u, v = 0.5 + seen[0] / (reach * width / height), 0.5 - seen[1] / reach
        return (float(u), float(v)) if 0.0 <= u <= 1.0 and 0.0 <= v <= 1.0 else (float("nan"), float("nan"))

    def _lay_out(self, draw: SceneDraw) -> None:
        model, data = self.model, self.data
        for name, value in self._defaults.items():
            getattr(model, name)[:] = value
        for box in draw.boxes:
            body, geom = model.body(box.name), model.geom(box.name)
            geom.size[:] = box.edges / 2
            model.geom_rbound[geom.id] = np.linalg.norm(box.edges / 2)
            volume, spread = SHAPES[self.scene.shape]  # type: ignore[union-attr]
            mass = float(np.prod(box.edges)) * volume * self.scene.box_density  # type: ignore[union-attr]
            model.body_mass[body.id] = model.body_subtreemass[body.id] = mass
            square = box.edges**2
            model.body_inertia[body.id] = mass * spread * (square.sum() - square)
            start = model.joint(f"{box.name}_free").qposadr[0]
            data.qpos[start : start + 3] = box.position
            data.qpos[start + 3 : start + 7] = (np.cos(box.yaw / 2), 0.0, 0.0, np.sin(box.yaw / 2))
        if self._things is not None and draw.bench is not None:
            self._things.lay_out(data, draw.bench)
        lamp = model.light("lamp").id
        model.light_pos[lamp] += draw.light[0]
        model.light_diffuse[lamp] = draw.light[1]
        model.geom_rgba[model.geom("bench_top").id, :3] = np.array(BENCH_RGBA[:3]) * draw.bench_shade
        self._dress(self.perturbation.look(self.scene, draw.seed))  # type: ignore[arg-type]
        for camera, offset in zip(self.robot.cameras, draw.camera_offset, strict=True):
            cam, turn = model.camera(camera.name).id, np.zeros(4)
            angle = float(np.linalg.norm(offset[3:]))
            mujoco.mju_axisAngle2Quat(turn, offset[3:] / max(angle, 1e-9), angle)
            model.cam_pos[cam] += offset[:3]
            rotated = np.zeros(4)
            mujoco.mju_mulQuat(rotated, model.cam_quat[cam].copy(), turn)
            model.cam_quat[cam] = rotated
        mujoco.mj_setConst(model, mujoco.MjData(model))

    def _dress(self, look: Look) -> None:
        self.look, model = look, self.model
        for name, colour in (("bench_top", look.bench), ("floor", look.floor)):
            if colour is not None:
                model.geom_rgba[model.geom(name).id, :3] = colour
        model.vis.headlight.ambient[:] = self._ambient * look.ambient

    def apply(self, command: JointCommand) -> None:
        """Take an impedance command; it acts, clipped to the joints' torque limits, until the next one."""
        model, kp = self.model, command.kp
        soft = kp > 1e-9
        gain = np.where(soft, kp, 1.0)
        model.actuator_gainprm[self._act, 0] = gain
        model.actuator_biasprm[self._act, 1] = -kp
        model.actuator_biasprm[self._act, 2] = -command.kd
        forward = command.effort + command.kd * command.velocity
        self.data.ctrl[self._act] = np.where(soft, command.position, 0.0) + forward / gain

    def step(self, n: int = 1) -> None:
        """Advance `n` steps of 2 ms."""
        mujoco.mj_step(self.model, self.data, n)
        if self._things is not None:
            self._things.after_step(self.data)
        if self.scene is not None and math.isfinite(self.scene.breaks):
            self._break()

    def _break(self) -> None:
        """Remember what is squeezed, or hit, with more than it stands."""
        geoms = [self.model.body(name).geomadr[0] for name in self._boxes]
        pressed = dict.fromkeys(self._boxes, 0.0)
        for k in range(self.data.ncon):
            for geom in self.data.contact.geom[k]:
                if geom in geoms:  # between two plates each of them presses once
                    pressed[self._boxes[geoms.index(geom)]] += self._contact_force(k)[0] / 2.0
        self.squeezed = pressed
        self._broken |= {name for name, force in pressed.items() if force > self.scene.breaks}  # type: ignore[union-attr]

    def _contact_force(self, number: int) -> Array:
        """Normal and two tangential forces of a contact, N."""
        force = np.zeros(6)
        mujoco.mj_contactForce(self.model, self.data, number, force)
        return force[:3]

    def joint_state(self) -> JointState:
        """Measured joints in the robot's order: rad, rad/s, N·m."""
        data = self.data
        return JointState(self.time, data.qpos[self._qpos], data.qvel[self._dof], data.actuator_force[self._act])

    def imu(self) -> ImuReading:
        """The IMU's reading in its own frame."""
        quat, gyro, acc = (self.data.sensordata[self._imu[k]].copy() for k in ("imu_quat", "imu_gyro", "imu_acc"))
        if self._imu_is_fixed:  # MuJoCo's accelerometer says nothing on a body that cannot move
            acc = -self.data.site("imu").xmat.reshape(3, 3).T @ self.model.opt.gravity
        return ImuReading(self.time, quat, gyro, acc)

    def tactile(self) -> Array:
        """Normal force on each tactile pad, shape (P,), N."""
        return np.asarray(self.data.sensordata[self._pads], dtype=np.float64)

    def shear(self) -> Array:
        """Force along the surface of each tactile pad, shape (P,), N."""
        found = np.zeros((len(self._pads), 3))
        pads = self._pad_of[self.model.geom_bodyid[self.data.contact.geom]]
        for contact, which in np.argwhere(pads >= 0):
            frame = self.data.contact.frame[contact].reshape(3, 3)
            found[pads[contact, which]] += self._contact_force(contact)[1:] @ frame[1:]
        return np.asarray(np.linalg.norm(found, axis=1))

    def snapshot(self) -> PhysicsSnapshot:
        """A copy of this instant for a renderer in another thread."""
        return PhysicsSnapshot(self.time, self.data.qpos.copy())

    def scene_state(self) -> SceneState:
        """The truth about the scene. Never an input of a policy."""
        if self.scene is None:
            return SceneState(self.time, self._seed)
        things = [self._box_object(name) for name in self._boxes]
        if self._things is not None:
            things += self._things.objects(self.data, self._place, self._holder)
        for kind, regions in (("bin", self.scene.bins), ("station", self.scene.stations)):
            height = self.scene.bin_height if kind == "bin" else 0.0
            for region in regions:
                position = np.array([*region.centre, self.scene.bench_top + height / 2])
                size = np.array([*region.edges, height])
                things.append(SceneObject(region.name, kind, "", "", position, np.array([1.0, 0, 0, 0]), size))
        return SceneState(self.time, self._seed, tuple(things))

    def body(self) -> Body:
        """The truth about the arms, for the judges of tasks. Never an input of a policy."""
        data, sides, arms = self.data, ("left", "right"), self.robot.group("arms")
        return Body(
            data.qpos[self._qpos][arms] - self.robot.home[arms],
            {side: data.body(f"{side}_grasp_frame").xpos.copy() for side in sides},
            {side: data.body(f"{side}_index_tip_pad").xpos.copy() for side in sides},
            {side: float(data.body(f"{side}_shoulder").xpos[2]) for side in sides},
        )

    def _box_object(self, name: str) -> SceneObject:
        body = self._box_body[name]
        position = self.data.xpos[body].copy()
        edges = 2.0 * self.model.geom_size[self.model.body_geomadr[body]]
        colour = name.removeprefix("box_")
        size_word = next((b.size_word for b in self.draw.boxes if b.name == name), "") if self.draw else ""
        quat = self.data.xquat[body].copy()
        return SceneObject(
            name,
            "box",
            colour,
            size_word,
            position,
            quat,
            edges,
            self._place(position),
            self._holder(name),
            float(name in self._broken),
        )

    def _place(self, position: Array) -> str:
        assert self.scene is not None
        x, y, z = position
        if z < self.scene.bench_top - 0.05:
            return "floor"
        for region in self.scene.bins:
            if region.contains(x, y) and z < self.scene.bench_top + self.scene.bin_height + 0.03:
                return region.name
        for region in self.scene.stations:
            if region.contains(x, y) and z < self.scene.bench_top + 0.06:
                return region.name
        return ""

    def _holder(self, name: str) -> str:
        """The hand that alone carries a loose thing: it touches it and nothing else of the scene does.

        The bar in both hands at once is held by "both".
        """
        counts = {"left": 0, "right": 0}
        geom, pairs = self.model.body(name).geomadr[0], self.data.contact.geom
        for k, column in np.argwhere(pairs == geom):
            other = pairs[k, 1 - column]
            side = self._side[self.model.geom_bodyid[other]]
            if not side:
                return ""
            counts[side] += 1
        if name == "bar" and min(counts.values()) > 0:
            return "both"
        side = max(counts, key=lambda s: counts[s])
        return side if counts[side] >= _RELEASED else ""
