"""sim_node with the scene `bench`, over real DDS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sensor_msgs.msg import Image
from sim_bench import ROBOT, URDF, Bench, Heard, wait_for

from optimus_nodes.core.scene import SCENES, draw_scene
from optimus_nodes.ros import qos
from optimus_nodes.sim.render import SceneRenderer
from optimus_nodes.sim.world import SimWorld


def test_the_bench_with_a_drawer_is_laid_out_and_drawn(tmp_path: Path) -> None:
    draw = next(d for d in (draw_scene(SCENES["bench"], seed, 3) for seed in range(20)) if d.bench.drawer_open)
    with Bench(tmp_path) as bench:
        bench.start("sim_node", "scene:=bench", f"seed:={draw.seed}")
        listener = bench.listen()
        pictures = Heard(listener, Image, "head/image_raw", qos.IMAGE)
        wait_for(lambda: pictures and listener.scene is not None, listener, 20.0, "scene and picture")
        scene, (_, picture) = listener.scene, pictures[-1]
        assert scene.find("drawer").state == pytest.approx(draw.bench.drawer_open, abs=0.005)
        assert len([thing for thing in scene.objects if thing.kind == "distractor"]) == len(draw.bench.distractors)
        world = SimWorld(ROBOT, URDF, scene=SCENES["bench"])
        world.reset(draw.seed)
        renderer = SceneRenderer(world, ("head",))
        expected = renderer.render("head", world.snapshot())
        renderer.close()
        seen = np.frombuffer(picture.data, np.uint8).reshape(picture.height, picture.width, 3)
        assert np.abs(seen.astype(int) - expected).mean() < 1.0
