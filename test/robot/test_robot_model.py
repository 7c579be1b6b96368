"""The robot as a body: its size, masses, limits, symmetry, and two libraries that agree on it."""

from __future__ import annotations

import numpy as np
import pytest

SIDES = ("left", "right")
ARM = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow", "wrist_yaw", "wrist_pitch")
LEG = ("hip_yaw", "hip_roll", "hip_pitch", "knee", "ankle_pitch", "ankle_roll")
THUMB = ("cmc_rotation", "cmc_abduction", "cmc_flexion", "mcp", "ip")
FINGERS = [f"{f}_{j}" for f in ("index", "middle", "ring", "little") for j in ("abduction", "mcp", "pip", "dip")]
HAND = ("palm_arch", *(f"thumb_{joint}" for joint in THUMB), *FINGERS)
FRAMES = ("head_optical_frame", "wrist_left_optical_frame", "wrist_right_optical_frame", "imu_link") + tuple(
    f"{side}_{link}"
    for side in SIDES
    for link in ("hand", "palm_pad", "grasp_frame", "sole", "foot", "thumb_tip_pad", "index_tip_pad", "little_tip_pad")
)
MIRRORED = [f"{{}}_{link}" for link in ("hand", "grasp_frame", "sole", "thumb_tip_pad", "ring_tip_pad", "palm_pad")]


def test_the_joint_order_is_body_then_left_hand_then_right_hand(both):
    names = ["neck_yaw", "neck_pitch", "waist_yaw", "waist_pitch"]
    for part in (ARM, LEG, HAND):
        names += [f"{side}_{joint}" for side in SIDES for joint in part]
    assert both.robot.joint_names == tuple(f"{name}_joint" for name in names)


def test_it_weighs_57_kg_in_both_libraries(both):
    assert both.mj.body_mass.sum() == pytest.approx(57.0, rel=0.01)
    assert sum(inertia.mass for inertia in both.pin.inertias) == pytest.approx(both.mj.body_mass.sum(), abs=1e-9)


def test_it_is_173_cm_tall_and_stands_on_its_soles(both):
    both.move(np.zeros(72))
    shapes = np.flatnonzero(both.mj.geom_type == 2)  # spheres: the top of the head is one
    top = max(both.mj_data.geom_xpos[g][2] + both.mj.geom_size[g][0] for g in shapes)
    assert top + 0.95 == pytest.approx(1.73, abs=0.02)
    for side in SIDES:
        assert both.mj_pose(f"{side}_sole")[2, 3] == pytest.approx(-0.95, abs=1e-9)


def test_both_libraries_read_the_same_limits(both):
    robot = both.robot
    for k, name in enumerate(robot.joint_names):
        joint = both.pin.joints[both.pin.getJointId(name)]
        assert both.mj.joint(name).range == pytest.approx([robot.lower[k], robot.upper[k]], abs=1e-9)
        assert both.pin.lowerPositionLimit[joint.idx_q] == pytest.approx(robot.lower[k], abs=1e-9)
        assert both.pin.upperPositionLimit[joint.idx_q] == pytest.approx(robot.upper[k], abs=1e-9)
        assert both.pin.velocityLimit[joint.idx_v] == pytest.approx(robot.max_velocity[k])
        assert both.pin.upperEffortLimit[joint.idx_v] == pytest.approx(robot.max_effort[k])


def test_both_libraries_put_hands_feet_and_cameras_in_the_same_places(both, postures):
    for q in postures:
        both.move(q)
        for frame in FRAMES:
            assert both.pin_pose(frame) == pytest.approx(both.mj_pose(frame), abs=1e-8), frame


def test_every_inertia_is_that_of_a_real_body(both):
    """Positive, and no principal moment larger than the sum of the other two."""
    heavy = both.mj.body_mass > 0
    assert heavy.sum() > 72
    for mass, moments in zip(both.mj.body_mass[heavy], np.sort(both.mj.body_inertia[heavy], axis=1)):
        assert moments[0] > 0
        assert moments[2] <= (moments[0] + moments[1]) * (1 + 1e-9)
        assert np.sqrt(moments[2] / mass) < 0.3  # radius of gyration, m


def test_the_same_numbers_left_and_right_give_a_mirrored_posture(both, postures):
    robot, mirror = both.robot, np.diag([1.0, -1.0, 1.0, 1.0])
    left = [k for k, name in enumerate(robot.joint_names) if name.startswith("left_")]
    right = robot.index([robot.joint_names[k].replace("left_", "right_") for k in left])
    for q in postures:
        q = q.copy()
        q[right] = q[left]
        q[robot.index(["waist_yaw_joint"])] = 0.0
        both.move(q)
        for link in MIRRORED:
            ours = mirror @ both.pin_pose(link.format("left")) @ mirror
            theirs = both.pin_pose(link.format("right"))
            assert theirs[:3, 3] == pytest.approx(ours[:3, 3], abs=1e-8), link
            assert theirs[:3, 0] == pytest.approx(ours[:3, 0], abs=1e-8), link
            assert theirs[:3, 2] == pytest.approx(ours[:3, 2], abs=1e-8), link


def test_at_zero_the_arms_hang_and_the_palms_face_the_thighs(both):
    both.move(np.zeros(72))
    for side, inward in (("left", -1.0), ("right", 1.0)):
        grasp = both.pin_pose(f"{side}_grasp_frame")
        assert grasp[:3, 0] == pytest.approx([0, 0, -1], abs=1e-8)
        assert grasp[:3, 2] == pytest.approx([0, inward, 0], abs=1e-8)


def test_optical_frames_look_where_rep_103_says(both):
    both.move(np.zeros(72))
    head = both.pin_pose("head_optical_frame")
    assert head[:3, 2] == pytest.approx([1, 0, 0], abs=1e-8)
    assert head[:3, 0] == pytest.approx([0, -1, 0], abs=1e-8)
    assert head[2, 3] + 0.95 == pytest.approx(1.62, abs=0.01)
    for side in SIDES:
        camera = both.pin_pose(f"wrist_{side}_optical_frame")
        to_grasp = both.pin_pose(f"{side}_grasp_frame")[:3, 3] - camera[:3, 3]
        angle = np.arccos(camera[:3, 2] @ to_grasp / np.linalg.norm(to_grasp))
        assert 0.05 < np.linalg.norm(to_grasp) < 0.2
        assert np.degrees(angle) < 30.0


@pytest.mark.parametrize("posture", ["zero", "home"])
def test_no_link_touches_another_at_rest(both, posture):
    both.move(np.zeros(72) if posture == "zero" else both.robot.home)
    assert both.touching() == set()


def test_home_looks_at_the_bench_with_palms_down_over_it(both):
    both.move(both.robot.home)
    assert both.pin_pose("head_optical_frame")[2, 2] < -0.8
    for side in SIDES:
        grasp = both.pin_pose(f"{side}_grasp_frame")
        assert grasp[2, 2] < -0.8
        assert grasp[2, 3] > -0.05


# A pinch around a box of that width, m: index and middle mcp, pip, dip; thumb rotation, abduction, flexion, mcp, ip.
PINCHES = {
    0.04: (1.15, 0.68, 0.0, 1.85, 0.0, -0.24, -0.5, 0.11),
    0.06: (0.98, 0.76, 0.0, 1.85, 0.0, -0.41, -0.5, 0.31),
    0.08: (0.85, 0.72, 0.03, 1.85, 0.0, -0.58, -0.5, 0.48),
}


@pytest.mark.parametrize("width", PINCHES)
@pytest.mark.parametrize("side", SIDES)
def test_the_thumb_opposes_index_and_middle_around_a_box(both, side, width):
    fingers, thumb = PINCHES[width][:3], PINCHES[width][3:]
    names = [f"{side}_{finger}_{joint}_joint" for finger in ("index", "middle") for joint in ("mcp", "pip", "dip")]
    names += [f"{side}_thumb_{joint}_joint" for joint in THUMB]
    q = both.robot.home.copy()
    q[both.robot.index(names)] = (*fingers, *fingers, *thumb)
    both.move(q)
    to_grasp = np.linalg.inv(both.pin_pose(f"{side}_grasp_frame"))
    pads = {finger: to_grasp @ both.pin_pose(f"{side}_{finger}_tip_pad") for finger in ("thumb", "index", "middle")}
    surface = {finger: pad[:3, 3] + 0.002 * pad[:3, 2] for finger, pad in pads.items()}
    for finger in ("index", "middle"):
        assert surface[finger][0] - surface["thumb"][0] == pytest.approx(width, abs=0.004)
        assert pads[finger][:3, 2] @ pads["thumb"][:3, 2] < -0.9  # the pads face each other
        assert abs(surface[finger][2] - surface["thumb"][2]) < 0.008
    assert (surface["index"] + surface["middle"] + 2 * surface["thumb"]) / 4 == pytest.approx([0, 0, 0], abs=0.006)
