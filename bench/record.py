"""Our recorder and LeRobot's own writer, side by side in the same run; prints one line of JSON.

    .venv/bin/python bench/record.py                    60 s, every variant, with the sensor's noise
    .venv/bin/python bench/record.py --noise 0          a rendered scene as it is: kinder to every encoder
    .venv/bin/python bench/record.py --seconds 2 --only ours

3 cameras of 640x480 at 30 Hz see the simulated robot put boxes into bins; 72 joints move. Each recorder is a process of
its own with the same real-time feeder: pictures lie ready in memory and are copied, as a camera driver does. LeRobot
gets state and action with each picture; ours gets joints at 100 Hz and keeps an MCAP file besides. For each:

cpu        CPU seconds (user + system, all threads and children, until everything is saved) per recorded second,
           the feeder included; `nobody` is the feeder alone
dropped    pictures fed that can't be decoded from the files (all cameras)
save_ms    how long the caller of `save_episode()` or `stop()` waits
mb         megabytes of the episode: videos and tables; `beside_mb` is what else we keep (MCAP, timing, checksums)
psnr       dB of the decoded pictures against those fed, RGB, from the mean of all squared errors; `worst`: of a camera
behind_ms  how late the feeder was at most, because the recorder kept it
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pyarrow.parquet as pq
from record_scene import CAMERAS, FPS, SIZE, back_and_forth, make_scene
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
LEROBOT = ROOT / ".venv-lerobot/bin/python"
PEERS = ("streaming-av1", "streaming-h264", "png")
SHOWN = ("cpu", "dropped", "save_ms", "mb", "beside_mb", "psnr", "worst", "behind_ms")


def record(variant: str, folder: Path, scene: Path, seconds: float, told: Callable[[int], None]) -> dict[str, Any]:
    """Record with one of them in a process of its own; what it says. `told`: the number of frames fed so far."""
    ours = variant == "ours"
    script = ROOT / "bench" / ("record_ours.py" if ours else "lerobot_writer.py")
    python = sys.executable if ours or not LEROBOT.exists() else str(LEROBOT)
    words = [python, str(script), str(folder), str(scene), str(seconds)] + ([] if ours else [variant])
    quiet = {"HF_HUB_OFFLINE": "1", "SVT_LOG": "1", "PYTHONWARNINGS": "ignore"}
    about = {**os.environ, **quiet, **({"PYTHONPATH": str(ROOT)} if ours else {})}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=about)
    assert process.stdout is not None and process.stderr is not None
    said = []
    for line in process.stderr:
        if line.strip().isdigit():
            told(int(line))
        else:
            said.append(line)
    content = process.stdout.read()
    if process.wait():
        raise SystemExit(f"{variant} failed:\n{''.join(said)[-3000:]}")
    return dict(json.loads(content.splitlines()[-1]))


def shown_at_frames(variant: str, folder: Path, figures: dict[str, Any], pictures: int) -> list[int]:
    """The picture that frame k of the episode should hold."""
    if variant == "ours":
        (path,) = folder.glob("data/*/*.parquet")
        times = pq.read_table(path, columns=["capture_time"])["capture_time"].to_numpy()
        return [figures["shown"][round(float(at) * FPS)] for at in times][: figures["frames"]]
    order = back_and_forth(pictures)
    return [next(order) for _ in range(figures["frames"])]


def squared_error(path: Path, pictures: Any, shown: list[int]) -> tuple[float, int]:
    """Mean squared error of a video and how many pictures it holds.

    Where M are missing, picture k was fed as number k to k + M; the one it is nearest to counts, in its favour.
    """
    total, count = 0.0, 0
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        missing = max(0, len(shown) - container.streams.video[0].frames)
        for frame in container.decode(video=0):
            if count >= len(shown):
                break
            pixels = frame.to_ndarray(format="rgb24")
            candidates = {shown[at] for at in range(count, min(count + missing + 1, len(shown)))}
            total += min(cv2.norm(pixels, pictures[one], cv2.NORM_L2SQR) for one in candidates) / pixels.size
            count += 1
    return total / max(count, 1), count


def judge(variant: str, folder: Path, scene: Path, figures: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The figures of one of them, in the terms of the head of this file."""
    found = {"cpu": round(figures["cpu_s"] / seconds, 4), "behind_ms": round(figures["behind_ms"], 1)}
    if variant == "nobody":
        return found
    pictures = np.load(scene / "pictures.npy", mmap_mode="r")
    shown = shown_at_frames(variant, folder, figures, len(pictures))
    errors, decoded = {}, 0
    for place, camera in enumerate(CAMERAS):
        (path,) = folder.glob(f"videos/observation.images.{camera}/*/*.mp4")
        errors[camera], count = squared_error(path, pictures[:, place], shown)
        decoded += count
    decibel = {name: round(10 * float(np.log10(255**2 / one)), 2) for name, one in errors.items()}
    worst = min(decibel, key=lambda name: decibel[name])
    every = [path for path in folder.rglob("*") if path.is_file()]
    tables = sum(path.stat().st_size for path in every if path.parts[len(folder.parts)] in ("videos", "data", "meta"))
    found |= {
        "dropped": len(CAMERAS) * figures["frames"] - decoded,
        "save_ms": round(figures["save_ms"], 1),
        "mb": round(tables / 1e6, 2),
        "beside_mb": round((sum(path.stat().st_size for path in every) - tables) / 1e6, 2),
        "psnr": round(10 * float(np.log10(255**2 / np.mean(list(errors.values())))), 2),
        "worst": decibel[worst],
        "worst_camera": worst,
    }
    rest = ("cpu_while_recording_s", "cpu_afterwards_s", "cpu_while_waiting_per_s", "sealed_after_ms", "finalize_ms")
    return found | {key: round(figures[key], 3) for key in (*rest, "late_frames", "dropped_by_queue") if key in figures}


def compare(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """How we stand against each of the others: their CPU over ours, our bytes over theirs."""
    ours = found["ours"]
    return {
        name: {
            "cpu_ratio": round(one["cpu"] / ours["cpu"], 2),
            "bytes_ratio": round(ours["mb"] / one["mb"], 2),
            "psnr_more": round(ours["psnr"] - one["psnr"], 2),
        }
        for name, one in found.items()
        if name in PEERS
    }


def fsync_ms(folder: Path) -> float:
    """Median time to bring a new file of 4 kB to the disk of `folder`, ms."""
    took = []
    for number in range(21):
        path = folder / f"fsync{number}"
        with path.open("wb") as file:
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
        path.unlink()
    return round(float(np.median(took)) * 1e3, 3)


def run(options: argparse.Namespace, scratch: Path, console: Console) -> dict[str, Any]:
    """Make the scene, record with each, judge; all figures."""
    size = (options.height, options.width)
    found: dict[str, dict[str, Any]] = {}
    with Progress(console=console) as progress:
        task = progress.add_task("rendering the scene", total=None)
        make_scene(
            scratch,
            min(options.loop, options.seconds + 1.0),
            options.noise,
            size,
            told=lambda done, all_: progress.update(task, completed=done, total=all_),
        )
        for variant in options.only:
            task = progress.add_task(f"recording: {variant}", total=round(options.seconds * FPS))
            folder = scratch / variant
            told = partial(_tell, progress, task)
            figures = record(variant, folder, scratch, options.seconds, told)
            progress.update(task, description=f"decoding: {variant}", completed=round(options.seconds * FPS))
            found[variant] = judge(variant, folder, scratch, figures, options.seconds)
    return {
        "seconds": options.seconds,
        "noise": options.noise,
        "size": [options.width, options.height],
        "recorders": found,
        "ours_against": compare(found) if "ours" in found else {},
        "fsync_ms": fsync_ms(scratch),
        "load_average": round(os.getloadavg()[0], 2),
        "cores": os.cpu_count(),
    }


def _tell(progress: Progress, task: TaskID, done: int) -> None:
    progress.update(task, completed=done)


def table(result: dict[str, Any]) -> Table:
    """For people."""
    made = Table(title=f"{result['seconds']:g} s, noise {result['noise']:g} grey levels, {result['size']}")
    made.add_column("recorder")
    for name in (*SHOWN, "their cpu / ours", "our bytes / theirs"):
        made.add_column(name, justify="right")
    for name, one in result["recorders"].items():
        against = result["ours_against"].get(name, {})
        last = [str(against.get(key, "")) for key in ("cpu_ratio", "bytes_ratio")]
        made.add_row(name, *(str(one.get(key, "")) for key in SHOWN), *last)
    return made


def main() -> int:
    """Exit code 0, or 2 when LeRobot is asked for and not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the episode")
    parser.add_argument("--noise", type=float, default=1.5, help="of the sensor, standard deviation in grey levels")
    parser.add_argument("--loop", type=float, default=12.0, help="seconds of the scene that are kept in memory")
    parser.add_argument("--width", type=int, default=SIZE[1])
    parser.add_argument("--height", type=int, default=SIZE[0])
    parser.add_argument("--only", nargs="+", choices=("nobody", "ours", *PEERS), help="some of the recorders")
    parser.add_argument("--folder", type=Path, help="where episodes go; a temporary folder by default")
    options = parser.parse_args()
    options.only = options.only or ["nobody", "ours", *PEERS]
    if not LEROBOT.exists() and (wanted := [name for name in options.only if name in PEERS]):
        print(f"{LEROBOT} is missing, so {', '.join(wanted)} can't run: `make env-lerobot`", file=sys.stderr)
        return 2
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 150)
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        result = run(options, Path(scratch), console)
    console.print(table(result))
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
