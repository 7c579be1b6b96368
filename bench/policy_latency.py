"""Milliseconds per chunk of the policy's network in one engine after another, alternating, in one run.

    python bench/policy_latency.py --json                          # models/pick_place, one and two cores
    python bench/policy_latency.py --openvino PYTHON --lerobot PYTHON

Every engine lives in a process of its own and gets the same inputs: observations of a robot at work in simulation.
`cosine` compares the motion asked for (targets less the posture) with that of eager PyTorch in float32, the worst
observation counts; `error` is the largest difference of a joint target, rad. LeRobot's ACT has random weights, the same
pictures, joints and chunk length. Engines that are not installed are left out with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SERVER = ROOT / "bench" / "policy_engines.py"
SAMPLES, EPISODES = 32, 4
EAGER = "torch-eager"


class Peer:
    """An engine in its own process; `failed` says why it cannot be measured."""

    def __init__(self, engine: str, python: Path, model: Path, samples: Path, threads: int, steps: int) -> None:
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
        given = {**os.environ, "HF_HUB_OFFLINE": "1", **dict.fromkeys(names, str(threads))}
        command = [python, SERVER, engine, "--model", model, "--samples", samples, "--threads", threads]
        self._errors = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115 - open as long as the process
        self._process = subprocess.Popen(
            [str(word) for word in (*command, "--steps", steps, "--packages", sysconfig.get_path("purelib"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=given,
        )
        self.ms: list[list[float]] = []
        self.cpu, self.failed, self.facts = 0.0, "", {}
        self.facts = self.ask()

    def ask(self, **order: Any) -> dict[str, Any]:
        if self.failed:
            return {}
        try:
            if order:
                self._process.stdin.write(json.dumps(order) + "\n")
                self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._process.wait()
            self._errors.seek(0)
            self.failed = (self._errors.read().strip().splitlines() or ["it ended without a word"])[-1][:200]
            return {}
        return json.loads(line)

    def measure(self, count: int) -> None:
        found = self.ask(do="run", count=count)
        if found:
            self.ms.append(found["ms"])
            self.cpu += found["cpu"]

    def answers(self, folder: Path) -> list[np.ndarray]:
        self.ask(do="answer", out=str(folder / "answers.npz"))
        with np.load(folder / "answers.npz") as file:
            return [file[name] for name in file.files]

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.stdin.close()
            self._process.wait(30)


def observe(bundle: Path, out: Path) -> dict[str, np.ndarray]:
    """What the network gets while the policy works in simulation, SAMPLES times; written to `out`."""
    from optimus_nodes.core.suites import trials
    from optimus_nodes.learning.rollout import LockStep
    from optimus_nodes.policy.runtime import load_policy
    from optimus_nodes.robot.load import load_robot

    robot, urdf = load_robot("optimus")
    loop = LockStep(robot, urdf, cameras=[camera.name for camera in robot.cameras])
    policy, found = load_policy(bundle, robot), []
    for trial in trials("pick_place", EPISODES, 5000):
        loop.reset(trial.seed)
        policy.reset()
        for frame in range(7 * SAMPLES // EPISODES):
            seen = loop.observe(trial.sentence)
            decided = policy.infer(seen)
            if frame % 7 == 3:
                found.append({name: array.copy() for name, array in policy.inputs.items()})
            loop.advance(decided.positions, decided.progress, policy.step_dt, policy.policy_id)
    samples = {name: np.concatenate([one[name] for one in found]) for name in found[0]}
    np.savez(out, **samples)
    return samples


def export(bundle: Path, folder: Path, samples: dict[str, np.ndarray]) -> int:
    """The network as a PyTorch module and as ONNX files, float32 and int8; returns the number of its parameters."""
    import onnx
    import torch
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_dynamic, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    from optimus_nodes.learning.export import Deployed, read_weights
    from optimus_nodes.policy.bundle import read_bundle
    from optimus_nodes.policy.network import NetworkConfig, PolicyNetwork

    network = PolicyNetwork(NetworkConfig.from_mapping(read_bundle(bundle).network))
    network.load_state_dict(read_weights(bundle))
    module = Deployed(network.eval()).eval()
    torch.save(module, folder / "module.pt")
    first = tuple(torch.from_numpy(array[:1]) for array in samples.values())

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._left = [{name: x[k : k + 1] for name, x in samples.items()} for k in range(0, SAMPLES, 2)]

        def get_next(self) -> dict[str, np.ndarray] | None:
            return self._left.pop() if self._left else None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = ["positions", "progress"]
        torch.onnx.export(
            module, first, str(folder / "fp32.onnx"), input_names=list(samples), output_names=names, dynamo=False
        )
        quant_pre_process(str(folder / "fp32.onnx"), str(folder / "ready.onnx"), skip_symbolic_shape=True)
        quantize_dynamic(folder / "ready.onnx", folder / "dynamic.onnx", op_types_to_quantize=["MatMul", "Gemm"])
        quantize_static(
            folder / "ready.onnx",
            folder / "static.onnx",
            Reader(),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "MatMul", "Gemm"],
        )
        wide = [
            one for one in onnx.load(folder / "ready.onnx").graph.node if re.search(r"blocks\.\d+/(up|down)/", one.name)
        ]
        nodes = [name for one in wide for name in (one.name, f"{one.name}_MatMul")]  # as they are called on the way
        quantize_dynamic(folder / "ready.onnx", folder / "mlp.onnx", nodes_to_quantize=nodes, per_channel=True)
    return network.count_parameters()


def take_turns(peers: dict[str, Peer], rounds: int, count: int) -> None:
    """Everybody measures in every round, there and back, so that what else the machine does hits all alike."""
    for number in range(rounds):
        for name in list(peers)[:: 1 if number % 2 == 0 else -1]:
            peers[name].measure(count)


def rows(peers: dict[str, Peer], eager: str) -> dict[str, dict[str, Any]]:
    """p50 and p99 of each, the median over the rounds of how many times faster than `eager`, and their CPU time."""
    table = {}
    for name, peer in peers.items():
        if peer.failed:
            table[name] = {"left_out": peer.failed}
            continue
        medians = [float(np.median(ms)) for ms in peer.ms]
        everything = np.concatenate(peer.ms)
        table[name] = {
            "p50_ms": round(float(np.percentile(everything, 50)), 3),
            "p99_ms": round(float(np.percentile(everything, 99)), 3),
            "cpu_ms": round(peer.cpu / len(everything), 3),
            **peer.facts,
        }
        if eager in peers and not peers[eager].failed:
            ratios = [float(np.median(theirs)) / ours for theirs, ours in zip(peers[eager].ms, medians, strict=True)]
            table[name]["times_faster"] = round(float(np.median(ratios)), 2)
            table[name]["times_faster_range"] = [round(min(ratios), 2), round(max(ratios), 2)]
    return table


def compare(peers: dict[str, Peer], samples: dict[str, np.ndarray], table: dict[str, Any], folder: Path) -> None:
    """Add to the table how far each engine's answers are from those of eager PyTorch."""
    wanted, posture = peers[EAGER].answers(folder)[0], samples["position"][:, None, :]
    for name, peer in peers.items():
        if peer.failed or "act" in name:
            continue
        got = peer.answers(folder)[0]
        a, b = ((x - posture).reshape(len(x), -1).astype(np.float64) for x in (got, wanted))
        cosine = (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
        table[name]["cosine"] = round(float(cosine.min()), 6)
        table[name]["error_rad"] = round(float(np.abs(got - wanted).max()), 6)


def bench(threads: int, folder: Path, samples: dict[str, np.ndarray], options: argparse.Namespace) -> dict[str, Any]:
    """One table."""
    here, steps = Path(sys.executable), options.steps
    plan: Sequence[tuple[str, Path, str]] = (
        (EAGER, here, "module.pt"),
        ("torch-compile", here, "module.pt"),
        ("onnxruntime", here, "fp32.onnx"),
        ("onnxruntime-int8-mlp", here, "mlp.onnx"),
        ("onnxruntime-int8-dynamic", here, "dynamic.onnx"),
        ("onnxruntime-int8-static", here, "static.onnx"),
        ("openvino", options.openvino, "fp32.onnx"),
        ("openvino-bf16", options.openvino, "fp32.onnx"),
        ("openvino-int8-static", options.openvino, "static.onnx"),
        ("act", options.lerobot, "act.onnx"),
        ("act-onnxruntime", here, "act.onnx"),
    )
    peers, absent = {}, {}
    for name, python, model in plan:
        if not python.exists():
            absent[name] = {
                "left_out": f"{python} is missing; {'make env-lerobot makes it' if 'act' in name else HINT}"
            }
            continue
        if name == "act-onnxruntime" and "act" not in peers:
            absent[name] = absent["act"]
            continue
        peers[name] = Peer(name, python, folder / model, folder / "samples.npz", threads, steps)
        if name == "act-onnxruntime" and "no_export" in peers["act"].facts:
            peers[name].failed = peers["act"].facts["no_export"]
        print(f"{threads} cores: {name} {peers[name].failed or 'ready'}", file=sys.stderr)
    take_turns(peers, options.rounds, options.count)
    table = rows(peers, EAGER)
    compare(peers, samples, table, folder)
    if "act" in peers and "act-onnxruntime" in peers and not peers["act"].failed:
        ours, theirs = table["onnxruntime"], table["act"]
        table["ours_against_act"] = round(theirs["p50_ms"] / ours["p50_ms"], 1)
    for peer in peers.values():
        peer.close()
    return table | absent


HINT = "python -m venv .venv-openvino && .venv-openvino/bin/pip install openvino makes it"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "pick_place")
    parser.add_argument("--threads", type=int, nargs="*", default=(2, 1))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--count", type=int, default=40, help="chunks per turn")
    parser.add_argument("--openvino", type=Path, default=ROOT / ".venv-openvino" / "bin" / "python")
    parser.add_argument("--lerobot", type=Path, default=ROOT / ".venv-lerobot" / "bin" / "python")
    parser.add_argument("--json", action="store_true", help="only one line of JSON on standard output")
    options = parser.parse_args()
    report: dict[str, Any] = {"bundle": options.bundle.name, "load_before": round(os.getloadavg()[0], 2)}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        samples = observe(options.bundle, folder / "samples.npz")
        report["parameters"] = export(options.bundle, folder, samples)
        options.steps = 16
        for threads in options.threads:
            report[f"{threads} cores"] = bench(threads, folder, samples, options)
            if not options.json:
                for name, row in report[f"{threads} cores"].items():
                    print(f"{name:26s} {row}")
    report["load_after"] = round(os.getloadavg()[0], 2)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
