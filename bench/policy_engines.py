"""One way to run a network, in a process of its own that waits without using the processor until it is asked.

    python bench/policy_engines.py ENGINE --model policy.onnx --samples samples.npz --threads 2

Started by bench/policy_latency.py in whatever environment has the engine; imports nothing of the project. Orders and
answers are lines of JSON: `{"do": "run", "count": 20}` gives the milliseconds of each, `{"do": "answer", "out": FILE}`
writes what it says to every sample.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Feed = dict[str, np.ndarray]
Run = Callable[[Feed], list[np.ndarray]]


def torch_run(model: Path, threads: int, compiled: bool) -> Run:
    """PyTorch as anyone would call it: a module, `no_grad`, tensors made from arrays. `model` is a pickled module."""
    import torch

    torch.set_num_threads(threads)
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    module = torch.load(model, weights_only=False).eval()
    if compiled:
        import torch._inductor.config as inductor

        inductor.freezing = True
        module = torch.compile(module)

    def run(feed: Feed) -> list[np.ndarray]:
        with torch.no_grad():
            return [out.numpy() for out in module(*(torch.from_numpy(x) for x in feed.values()))]

    return run


def onnx_run(model: Path, threads: int) -> Run:
    """ONNX Runtime with buffers bound once, its threads spinning only while it runs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if threads > 1 else "0")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    binding, types = session.io_binding(), {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}
    inputs = {one.name: np.zeros(one.shape, types.get(one.type, np.int64)) for one in session.get_inputs()}
    outputs = {one.name: np.zeros(one.shape, np.float32) for one in session.get_outputs()}
    for name, array in inputs.items():
        binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
    for name, array in outputs.items():
        binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)

    def run(feed: Feed) -> list[np.ndarray]:
        for name, array in inputs.items():
            array[...] = feed[name]
        session.run_with_iobinding(binding)
        return list(outputs.values())

    return run


def openvino_run(model: Path, threads: int, precision: str) -> Run:
    """OpenVINO for latency, with shared buffers."""
    import openvino

    core = openvino.Core()
    hints = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(core.read_model(str(model)), "CPU", hints | {"NUM_STREAMS": 1})
    request = compiled.create_infer_request()
    inputs = {one.any_name: np.zeros(one.shape, one.element_type.to_dtype()) for one in compiled.inputs}
    for name, array in inputs.items():
        request.set_tensor(name, openvino.Tensor(array, shared_memory=True))

    def run(feed: Feed) -> list[np.ndarray]:
        for name, array in inputs.items():
            array[...] = feed[name]
        request.infer()
        return [request.get_output_tensor(k).data for k in range(len(compiled.outputs))]

    return run


def act_run(samples: Feed, threads: int, model: Path, steps: int, packages: list[str]) -> tuple[Run, dict[str, Any]]:
    """LeRobot's ACT with random weights on the same pictures and joints; writes its ONNX file to `model`."""
    import torch
    from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.policies.act.modeling_act import ACTPolicy

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    cameras = [name for name, array in samples.items() if array.dtype == np.uint8]
    joints = samples["position"].shape[-1]
    inputs = {"observation.state": PolicyFeature(FeatureType.STATE, (joints,))}
    for name in cameras:
        height, width = samples[name].shape[1:3]
        inputs[f"observation.images.{name}"] = PolicyFeature(FeatureType.VISUAL, (3, height, width))
    config = ACTConfig(
        input_features=inputs,
        output_features={"action": PolicyFeature(FeatureType.ACTION, (joints,))},
        normalization_mapping=dict.fromkeys(("VISUAL", "STATE", "ACTION"), NormalizationMode.IDENTITY),
        chunk_size=steps,
        n_action_steps=steps,
        pretrained_backbone_weights=None,
        device="cpu",
    )
    policy = ACTPolicy(config).eval().requires_grad_(False)
    facts = {"parameters": sum(p.numel() for p in policy.parameters())}

    def run(feed: Feed) -> list[np.ndarray]:
        batch = {"observation.state": torch.from_numpy(feed["position"])}
        for name in cameras:
            batch[f"observation.images.{name}"] = torch.from_numpy(feed[name]).permute(0, 3, 1, 2).float() / 255.0
        with torch.no_grad():
            return [policy.predict_action_chunk(batch).detach().numpy()]

    class Plain(torch.nn.Module):
        def forward(self, *given: Any) -> Any:
            batch = {"observation.state": given[-1]}
            batch["observation.images"] = [x.permute(0, 3, 1, 2).float() / 255.0 for x in given[:-1]]
            return policy.model(batch)[0].detach()

    sys.path.extend(packages)  # LeRobot's environment has no onnx
    first = {name: torch.from_numpy(samples[name][:1]) for name in (*cameras, "position")}
    try:
        torch.onnx.export(
            Plain().eval(),
            tuple(first.values()),
            str(model),
            input_names=list(first),
            output_names=["positions"],
            dynamo=False,
        )
    except Exception as error:  # whatever keeps it from being exported only leaves out one row
        facts["no_export"] = f"{type(error).__name__}: {error}"[:200]
    return run, facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--packages", nargs="*", default=[], help="folders to import from what is missing here")
    options = parser.parse_args()
    out, sys.stdout = sys.stdout, sys.stderr
    with np.load(options.samples) as file:
        samples = {name: file[name] for name in file.files}
    feeds = [{name: x[k : k + 1] for name, x in samples.items()} for k in range(len(samples["position"]))]
    facts: dict[str, Any] = {}
    if options.engine == "act":
        run, facts = act_run(samples, options.threads, options.model, options.steps, options.packages)
    elif options.engine.startswith("torch"):
        run = torch_run(options.model, options.threads, options.engine == "torch-compile")
    elif options.engine.startswith("openvino"):
        run = openvino_run(options.model, options.threads, "bf16" if options.engine.endswith("bf16") else "f32")
    else:
        run = onnx_run(options.model, options.threads)
    for feed in feeds[:8]:
        run(feed)

    def say(answer: dict[str, Any]) -> None:
        out.write(json.dumps(answer) + "\n")
        out.flush()

    say(facts)
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "answer":
            answers = [[x.copy() for x in run(feed)] for feed in feeds]
            np.savez(order["out"], *(np.concatenate(one) for one in zip(*answers, strict=True)))
            say({})
            continue
        times, cpu = [], time.process_time()
        for k in range(order["count"]):
            began = time.perf_counter()
            run(feeds[k % len(feeds)])
            times.append((time.perf_counter() - began) * 1e3)
        say({"ms": times, "cpu": (time.process_time() - cpu) * 1e3})


if __name__ == "__main__":
    main()
