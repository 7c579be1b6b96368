"""What each part of the policy is worth: one thing is changed, all else stays, everybody gets the same time.

    python bench/ablation.py data/bench                     # every row: 12 minutes of training, then optimus eval
    python bench/ablation.py data/bench flow horizon_16     # some rows
    python bench/ablation.py data/bench --table             # only print what there is

Every row is trained on the same data with the same seed for the same minutes on all cores, and plays the same scenes
of `--suite bench`, none of them trained on. Give the machine nothing else to do meanwhile: time is the budget. What is
done lies in --folder: training and evaluation of a row go on where they stopped.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimus_nodes.core.statistics import wilson_interval
from optimus_nodes.learning.checkpoint import TENSORS
from optimus_nodes.learning.data import Mixture, read_data_set
from optimus_nodes.learning.evaluation import environment, eval_command
from optimus_nodes.learning.export import export_training
from optimus_nodes.learning.loss import LossWeights
from optimus_nodes.learning.processor import use_threads
from optimus_nodes.learning.train import TrainConfig, Trainer
from optimus_nodes.learning.variants import VARIANTS
from optimus_nodes.policy.language import load_reader
from optimus_nodes.policy.tokenizer import Tokenizer, grammar_vocabulary
from optimus_nodes.robot.load import load_robot
from optimus_nodes.robot.share import share_path

LARGEST = 100_000_000  # bytes of a row's bundle; only the chosen network has to be small


@dataclass(frozen=True)
class Row:
    """One change. `says`: in the table. `network`: a name of VARIANTS. `horizon`: rows of a chunk, 0 all. `asked`: in
    training, where things are. `words`: the grammar's words are learned, nothing reads them before. `sizes`: of the
    network, see `NetworkConfig`."""

    says: str
    network: str = "chosen"
    horizon: int = 0
    asked: bool = True
    words: bool = False
    sizes: dict[str, Any] = field(default_factory=dict)


ROWS = {
    "chosen": Row("as it is: regression, listening stem, 64 rows, one look back"),
    "flow": Row("action head: flow matching, 5 steps", "flow"),
    "tokens": Row("action head: 63 bins for each joint", "tokens"),
    "patches": Row("vision: patches of 16 px straight into the transformer", "patches"),
    "late_language": Row("vision: stems that do not hear the sentence", "late_language"),
    "local": Row("vision: one convolution more at the head's full resolution", sizes={"local": True}),
    "three_layers": Row("transformer: three layers", sizes={"layers": 3}),
    "half_pictures": Row("resolution: pictures of half the height and width", "half_pictures"),
    "horizon_16": Row("chunk: 16 rows (0.8 s)", horizon=16),
    "horizon_32": Row("chunk: 32 rows (1.6 s)", horizon=32),
    "no_history": Row("history: none", "no_history"),
    "no_questions": Row("training: never asked where things are", asked=False),
    "words": Row("language: learns the grammar's words itself, no pretrained encoder", words=True),
}


def train(row: Row, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Train a row's network and write its bundle."""
    robot, language = load_robot("optimus")[0], share_path("models/language")
    sets = [read_data_set(one) for one in given.data]
    reader = load_reader(language)
    mixture = Mixture(sets, read=lambda sentence: reader.read(sentence)[0], horizon=row.horizon)
    shares = LossWeights() if row.asked else LossWeights(aux=0.0, places=0.0)
    config = TrainConfig(folder / "train", given.minutes, shares=shares, language=None if row.words else language)
    words = Tokenizer(grammar_vocabulary()) if row.words else None
    trainer = Trainer(mixture, robot, config, row.sizes, make=VARIANTS[row.network], words=words)
    if (config.work / TENSORS).is_file():
        trainer.resume()
    begun = time.process_time()
    trainer.run(_follow)
    export_training(trainer, folder / "bundle", largest=LARGEST)
    size = sum(one.stat().st_size for one in (folder / "bundle").glob("*.onnx"))
    return {
        "parameters": trainer.network.count_parameters(),
        "steps": trainer.step,
        "minutes": round(trainer.elapsed / 60, 1),
        "cpu_minutes": round((time.process_time() - begun) / 60, 1),
        "megabytes": round(size / 1e6, 1),
        "held_out": trainer.validate(),
    }


def _follow(event: dict[str, Any]) -> None:
    if event["step"] % 100 == 0 and "action" in event:
        print(f"step {event['step']}, {event['elapsed'] / 60:.1f} min, action loss {event['action']:.4f}", flush=True)


def evaluate(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """`optimus eval` of a row's bundle; raises what it says when it fails."""
    command = eval_command(folder / "bundle", "bench", given.episodes, given.seed, workers=0)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment(), check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {key: found[key] for key in ("successes", "episodes", "per_task")}


def play_row(name: str, given: argparse.Namespace) -> None:
    """Train and evaluate one row, unless that was done."""
    folder = given.folder / name
    path = folder / "result.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    for part in ("training", "played"):
        if part not in found:
            print(f"{name}: {part}", flush=True)
            found[part] = train(ROWS[name], given, folder) if part == "training" else evaluate(given, folder)
            path.write_text(json.dumps(found))


def table(folder: Path) -> str:
    """What is known, in Markdown."""
    titles = ("row", "what is changed", "done", "95 %", "steps", "arm error, rad", "place error, cm", "MB")
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    for name, row in ROWS.items():
        path = folder / name / "result.json"
        if not path.is_file():
            continue
        found = json.loads(path.read_text())
        training, held, played = found["training"], found["training"]["held_out"], found.get("played")
        done, interval = "not played", ""
        if played:
            low, high = wilson_interval(played["successes"], played["episodes"])
            done, interval = f"{played['successes']} of {played['episodes']}", f"{100 * low:.0f}-{100 * high:.0f} %"
        arms = (held["left_arm_rad"] + held["right_arm_rad"]) / 2
        lines.append(
            f"| `{name}` | {row.says} | {done} | {interval} | {training['steps']} | {arms:.4f} | "
            f"{held.get('place_cm', float('nan')):.2f} | {training['megabytes']} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Play the rows that were asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="data set folder, or several with commas between them")
    parser.add_argument("rows", nargs="*", help=", ".join(ROWS))
    parser.add_argument("--minutes", type=float, default=12.0, help="of training, each row")
    parser.add_argument("--episodes", type=int, default=4, help="of each of the 17 tasks")
    parser.add_argument("--seed", type=int, default=7000, help="of the first scene, 1000 to 9999")
    parser.add_argument("--folder", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--table", action="store_true", help="only print what there is")
    given = parser.parse_args()
    given.data = given.data.split(",")
    if unknown := set(given.rows) - set(ROWS):
        parser.error(f"unknown rows {', '.join(sorted(unknown))}; the rows are {', '.join(ROWS)}")
    use_threads(0)
    for name in () if given.table else given.rows or ROWS:
        play_row(name, given)
    print(table(given.folder))


if __name__ == "__main__":
    main()
