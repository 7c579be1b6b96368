"""Run a policy bundle with ONNX Runtime. No PyTorch, one thread, reused buffers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from ..core.contract import require_fit, robot_differences
from ..core.errors import ContractError
from ..core.position_history import PositionHistory
from ..core.robot import RobotSpec
from ..core.values import Array, Observation, PolicyOutput
from .bundle import MODEL, Bundle, read_bundle
from .preprocess import shrink
from .tokenizer import Tokenizer


class OnnxPolicy:
    """A `core.values.Policy`. It remembers joint positions of the observations it gets, for the history it needs."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self.policy_id, self.step_dt = bundle.policy_id, bundle.contract.step_dt
        self.contract = bundle.contract
        self._tokenizer = Tokenizer(bundle.vocabulary, bundle.max_words)
        self._session = _session(bundle.folder / MODEL, threads)
        self._outputs = [output.name for output in self._session.get_outputs()]
        wanted = {*(name for name, _, _ in self.contract.cameras), "words", "position", "previous", "tactile"}
        given = {one.name for one in self._session.get_inputs()}
        if given != wanted:
            raise ContractError(
                f"{bundle.folder / MODEL} takes {sorted(given)}; its contract asks for {sorted(wanted)}"
            )
        self._sentence, self._words = "", self._tokenizer.encode("")[None]
        self.reset()

    def reset(self) -> None:
        """Forget earlier joint positions."""
        self._history = PositionHistory(self.contract.history_dt + 0.1)

    def infer(self, observation: Observation) -> PolicyOutput:
        """Joint targets and progress for one observation. Raises ContractError when a picture or joint is missing."""
        contract, joints = self.contract, len(self.contract.joint_names)
        if observation.position.shape != (joints,) or observation.tactile.shape != (len(contract.tactile_pads),):
            raise ContractError(
                f"an observation has {observation.position.shape[0]} joints and {observation.tactile.shape[0]} pads; "
                f"policy {self.policy_id} takes {joints} and {len(contract.tactile_pads)}"
            )
        feed = {"words": self._encoded(observation.sentence), **self._pictures(observation)}
        self._history.add(observation.stamp, observation.position)
        feed["position"] = _row(observation.position)
        feed["previous"] = _row(self._history.at(observation.stamp - contract.history_dt))
        feed["tactile"] = _row(observation.tactile)
        positions, progress = self._session.run(self._outputs, feed)
        return PolicyOutput(positions[0].astype(np.float64), float(progress[0]))

    def _pictures(self, observation: Observation) -> dict[str, np.ndarray]:
        found = {}
        for name, height, width in self.contract.cameras:
            if name not in observation.images:
                raise ContractError(
                    f"an observation has the cameras {sorted(observation.images)}; "
                    f"policy {self.policy_id} needs {name!r}"
                )
            found[name] = shrink(observation.images[name], height, width)[None]
        return found

    def _encoded(self, sentence: str) -> np.ndarray:
        if sentence != self._sentence:
            self._sentence, self._words = sentence, self._tokenizer.encode(sentence)[None]
        return self._words


def load_policy(folder: Path | str, robot: RobotSpec, threads: int = 1) -> OnnxPolicy:
    """The policy of bundle `folder`, for `robot`. Raises ContractError listing everything that does not fit."""
    bundle = read_bundle(folder)
    differences = robot_differences(bundle.contract, robot, f"bundle {bundle.folder.name} (policy.yaml)")
    require_fit(differences, f"policy bundle {bundle.folder} does not fit robot {robot.name}")
    return OnnxPolicy(bundle, threads)


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a family of its own without a common base
        raise ContractError(f"{path} cannot be loaded by ONNX Runtime: {error}") from error


def _row(values: Array) -> np.ndarray:
    return values.astype(np.float32)[None]
