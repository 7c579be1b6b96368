"""The only helpers that know rclpy.

`runtime.run(make_node)` starts, spins and ends a node. `params.declare(node, Dataclass)` reads its
parameters. `qos` has one profile per kind of topic. `convert` turns messages into core values and back.
`diagnostics.Reporter` publishes on /diagnostics once a second.
"""
