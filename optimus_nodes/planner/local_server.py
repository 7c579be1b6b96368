"""A process that serves one GGUF model on this machine: llama.cpp behind its OpenAI-compatible HTTP interface.

    python -m optimus_nodes.planner.local_server model.gguf 4096 1

Arguments: the file, tokens of context, threads. It prints its address once it answers, and ends when its standard
input does, so never later than who started it. A process of its own, because a model that is too large for the memory
must not take the planner with it.
"""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Entry point."""
    import xllamacpp

    file, context, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.nice(5)  # control loops and cameras go first
    params = xllamacpp.CommonParams()
    params.model.path = file
    params.n_ctx = context
    params.n_parallel = 1  # one slot: the fixed part of the prompt stays in its cache
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.n_gpu_layers = 0
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    sys.stdout.flush()
    os._exit(0)  # the server's threads know no end


if __name__ == "__main__":
    sys.exit(main())
