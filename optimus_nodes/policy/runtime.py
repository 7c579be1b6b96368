"""Run a policy bundle. No PyTorch, few threads, every buffer allocated once.

The sentence is read once, and nothing is computed again for an observation in which nothing changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ..core.contract import require_fit, robot_differences
from ..core.errors import ContractError
from ..core.position_history import PositionHistory
from ..core.robot import RobotSpec
from ..core.values import Observation, PolicyOutput
from .bundle import MODEL, Bundle, read_bundle
from .engine import load_engine
from .preprocess import shrink
from .tokenizer import Tokenizer

_BODY = ("position", "previous", "tactile")
_LANGUAGE = ("words", "meaning")


class OnnxPolicy:
    """A `core.values.Policy`. It remembers joint positions of the observations it gets, for the history it needs."""

    def __init__(self, bundle: Bundle, threads: int = 1, engine: str = "onnxruntime") -> None:
        self.policy_id, self.step_dt = bundle.policy_id, bundle.contract.step_dt
        self.contract = bundle.contract
        self._engine = load_engine(bundle.folder / MODEL, engine, threads)
        self._language = next((name for name in _LANGUAGE if name in self._engine.inputs), _LANGUAGE[0])
        wanted = {*(name for name, _, _ in self.contract.cameras), self._language, *_BODY}
        if set(self._engine.inputs) != wanted:
            raise ContractError(
                f"{bundle.folder / MODEL} takes {sorted(self._engine.inputs)}; its contract asks for {sorted(wanted)}"
            )
        self._read = (
            _reader(bundle) if self._language == "meaning" else Tokenizer(bundle.vocabulary, bundle.max_words).encode
        )
        self._sentence: str | None = None
        self._last = {name: array.copy() for name, array in self._engine.inputs.items()}
        self._engine.run()  # the first run allocates; it would be a late answer
        self.reset()

    @property
    def inputs(self) -> Mapping[str, np.ndarray]:
        """What the network was given last, by name. The arrays are written again by the next `infer`."""
        return self._engine.inputs

    def reset(self) -> None:
        """Forget earlier joint positions."""
        self._history = PositionHistory(self.contract.history_dt + 0.1)
        self._answered = False

    def infer(self, observation: Observation) -> PolicyOutput:
        """Joint targets and progress for one observation. Raises ContractError when a picture or joint is missing."""
        contract, joints = self.contract, len(self.contract.joint_names)
        if observation.position.shape != (joints,) or observation.tactile.shape != (len(contract.tactile_pads),):
            raise ContractError(
                f"an observation has {observation.position.shape[0]} joints and {observation.tactile.shape[0]} pads; "
                f"policy {self.policy_id} takes {joints} and {len(contract.tactile_pads)}"
            )
        inputs, outputs = self._engine.inputs, self._engine.outputs
        self._look(observation)
        if observation.sentence != self._sentence:
            inputs[self._language][0] = self._read(observation.sentence)
            self._sentence = observation.sentence
        self._history.add(observation.stamp, observation.position)
        inputs["position"][0] = observation.position
        inputs["previous"][0] = self._history.at(observation.stamp - contract.history_dt)
        inputs["tactile"][0] = observation.tactile
        if self._changed():
            self._engine.run()
        return PolicyOutput(outputs["positions"][0].astype(np.float64), float(outputs["progress"][0]))

    def _look(self, observation: Observation) -> None:
        for name, height, width in self.contract.cameras:
            if name not in observation.images:
                raise ContractError(
                    f"an observation has the cameras {sorted(observation.images)}; "
                    f"policy {self.policy_id} needs {name!r}"
                )
            self._engine.inputs[name][0] = shrink(observation.images[name], height, width)

    def _changed(self) -> bool:
        """True when any input differs from those of the last answer, which are then remembered anew."""
        inputs, changed = self._engine.inputs, not self._answered
        for name in (*_BODY, *inputs):  # joints change first and are compared quickest
            changed = changed or not np.array_equal(inputs[name], self._last[name])
            if changed:
                break
        if changed:
            for name, array in inputs.items():
                self._last[name][...] = array
        self._answered = True
        return changed


def load_policy(folder: Path | str, robot: RobotSpec, threads: int = 1, engine: str = "onnxruntime") -> OnnxPolicy:
    """The policy of bundle `folder`, for `robot`. Raises ContractError listing everything that does not fit."""
    bundle = read_bundle(folder)
    differences = robot_differences(bundle.contract, robot, f"bundle {bundle.folder.name} (policy.yaml)")
    require_fit(differences, f"policy bundle {bundle.folder} does not fit robot {robot.name}")
    return OnnxPolicy(bundle, threads, engine)


def _reader(bundle: Bundle) -> Callable[[str], np.ndarray]:
    from .language import load_reader

    reader = load_reader(bundle.folder)
    return lambda sentence: reader.read(sentence)[0]
