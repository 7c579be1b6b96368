"""`optimus serve-policy`: run a policy here for robots that have no processor to spare."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from ..core.errors import ConfigError
from ..policy.opening import open_policy
from ..policy.remote_server import policy_server
from ..policy.vla_params import VlaParams
from ..robot.load import load_robot
from ..robot.share import model_path


def run(
    model: Annotated[str, typer.Option(help="Policy in models/, or the path of a bundle.")] = "pick_place",
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0: all. There is no password.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0: any free one.")] = 8765,
    threads: Annotated[int, typer.Option(help="Threads of the network.")] = 1,
    engine: Annotated[str, typer.Option(help="onnxruntime, openvino or openvino-bf16.")] = "onnxruntime",
    robot: Annotated[str, typer.Option(help="Robot, from config/robots/.")] = "optimus",
) -> int:
    """Answer robots over a websocket until interrupted; their vla_node has remote:=ws://HOST:PORT."""
    spec, folder = load_robot(robot)[0], model_path(model)
    params = VlaParams(robot=robot, bundle=model, threads=threads, engine=engine)
    open_policy(folder, spec, params)  # what does not fit is said now, not when the first robot comes
    console = Console(stderr=True)

    def say(text: str) -> None:
        console.print(text, highlight=False)

    try:
        server = policy_server(lambda: open_policy(folder, spec, params), host, port, say)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror} (--host, --port)") from error
    say(f"serving {folder.name} on ws://{host}:{server.socket.getsockname()[1]}; Ctrl-C ends it")
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("no longer serving")
    return 0
