"""Run a policy's ONNX file. Every buffer is allocated once: fill `inputs`, call `run`, read `outputs`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime

from ..core.errors import ConfigError, ContractError
from .vla_params import ENGINES

_TYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int64)": np.int64}


class Engine(Protocol):
    """`inputs` and `outputs`: name -> the array that is read and written by `run`."""

    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]

    def run(self) -> None: ...


class OnnxRuntimeEngine:
    """ONNX Runtime on `threads` cores. Between two runs its threads sleep, so that they take no time from others."""

    def __init__(self, path: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if threads > 1 else "0")
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises a family of its own without a common base
            raise ContractError(f"{path} cannot be loaded by ONNX Runtime: {error}") from error
        self._binding = self._session.io_binding()
        self.inputs = {one.name: _buffer(path, one.name, one.shape, one.type) for one in self._session.get_inputs()}
        self.outputs = {one.name: _buffer(path, one.name, one.shape, one.type) for one in self._session.get_outputs()}
        for name, array in self.inputs.items():
            self._binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        for name, array in self.outputs.items():
            self._binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)

    def run(self) -> None:
        """From `inputs` to `outputs`."""
        self._session.run_with_iobinding(self._binding)


class OpenVinoEngine:
    """OpenVINO on `threads` cores. `precision`: f32, or bf16 where the processor computes with it."""

    def __init__(self, path: Path, threads: int, precision: str = "f32") -> None:
        try:
            import openvino
        except ImportError as error:
            raise ConfigError(
                "engine openvino is not installed: .venv/bin/pip install openvino, or use engine onnxruntime"
            ) from error
        options = {
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": precision,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        }
        try:
            core = openvino.Core()
            model: Any = core.compile_model(core.read_model(str(path)), "CPU", options)
        except Exception as error:  # OpenVINO raises RuntimeError and kin of its own
            raise ContractError(f"{path} cannot be loaded by OpenVINO: {error}") from error
        self._request = model.create_infer_request()
        self.inputs = {one.any_name: np.zeros(one.shape, one.element_type.to_dtype()) for one in model.inputs}
        outputs = [np.zeros(one.shape, one.element_type.to_dtype()) for one in model.outputs]
        for name, array in self.inputs.items():
            self._request.set_tensor(name, openvino.Tensor(array, shared_memory=True))
        for one, array in zip(model.outputs, outputs, strict=True):
            self._request.set_tensor(one, openvino.Tensor(array, shared_memory=True))
        self.outputs = {name: array for one, array in zip(model.outputs, outputs, strict=True) for name in one.names}

    def run(self) -> None:
        """From `inputs` to `outputs`."""
        self._request.infer()


def load_engine(path: Path, engine: str = "onnxruntime", threads: int = 1) -> Engine:
    """The model `path` in the engine of that name. Raises ConfigError or ContractError with what is wrong."""
    if engine not in ENGINES:
        raise ConfigError(f"engine is {engine!r}; allowed: {', '.join(ENGINES)}")
    if engine == "onnxruntime":
        return OnnxRuntimeEngine(path, threads)
    return OpenVinoEngine(path, threads, "bf16" if engine == "openvino-bf16" else "f32")


def _buffer(path: Path, name: str, shape: list[Any], kind: str) -> np.ndarray:
    if kind not in _TYPES or not all(isinstance(size, int) for size in shape):
        raise ContractError(
            f"{path}: {name} has the type {kind} and the shape {shape}; "
            f"allowed are {', '.join(_TYPES)} of a fixed shape"
        )
    return np.zeros(shape, _TYPES[kind])
