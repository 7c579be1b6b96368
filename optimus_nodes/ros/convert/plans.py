"""Tasks, plans and scenes: messages to core values and back."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from optimus_humanoid.msg import ActionChunk
from optimus_humanoid.msg import Plan as PlanMsg
from optimus_humanoid.msg import PlanStep as PlanStepMsg
from optimus_humanoid.msg import SceneObject as SceneObjectMsg
from optimus_humanoid.msg import SceneState as SceneStateMsg
from optimus_humanoid.msg import Task as TaskMsg

from ...core.plan import Plan, PlanState, PlanStep, StepState, Task
from ...core.values import SceneObject, SceneState
from .basics import header, stamp_from_msg


def task_to_msg(task: Task, stamp: float) -> TaskMsg:
    """`stamp`: robot time at which the task was given, s."""
    return TaskMsg(header=header(stamp), id=task.id, sentence=task.sentence)


def task_from_msg(message: TaskMsg) -> Task:
    """The task the policy follows now."""
    return Task(id=message.id, sentence=message.sentence)


def progress_from_msg(message: ActionChunk) -> tuple[int, float]:
    """Which task a chunk follows, and how far the policy holds it for done, 0 to 1. The rest is not converted."""
    return message.task_id, message.progress


def plan_to_msg(plan: Plan, stamp: float) -> PlanMsg:
    """`stamp`: robot time of this report, s."""
    steps = [
        PlanStepMsg(
            sentence=step.sentence,
            state=getattr(PlanStepMsg, step.state.name),
            progress=float(step.progress),
            reason=step.reason,
        )
        for step in plan.steps
    ]
    state = getattr(PlanMsg, plan.state.name)
    return PlanMsg(
        header=header(stamp), id=plan.id, instruction=plan.instruction, steps=steps, state=state, say=plan.say
    )


def plan_from_msg(message: PlanMsg) -> Plan:
    """What the planner does about an instruction."""
    step_states = {getattr(PlanStepMsg, state.name): state for state in StepState}
    plan_states = {getattr(PlanMsg, state.name): state for state in PlanState}
    steps = tuple(
        PlanStep(step.sentence, step_states[step.state], step.progress, step.reason) for step in message.steps
    )
    return Plan(message.id, message.instruction, steps, plan_states[message.state], message.say)


def scene_state_to_msg(scene: SceneState) -> SceneStateMsg:
    """The truth about a simulated scene."""
    objects = [scene_object_to_msg(thing) for thing in scene.objects]
    return SceneStateMsg(header=header(scene.stamp, "base_link"), seed=scene.seed, objects=objects)


def scene_state_from_msg(message: SceneStateMsg) -> SceneState:
    """The truth about a simulated scene."""
    objects = tuple(scene_object_from_msg(thing) for thing in message.objects)
    return SceneState(stamp_from_msg(message.header.stamp), message.seed, objects)


def scene_object_to_msg(thing: SceneObject) -> SceneObjectMsg:
    """One thing of a simulated scene."""
    x, y, z = (float(v) for v in thing.position)
    qw, qx, qy, qz = (float(v) for v in thing.orientation)
    pose = Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(w=qw, x=qx, y=qy, z=qz))
    length, width, height = (float(v) for v in thing.size)
    return SceneObjectMsg(
        name=thing.name,
        kind=thing.kind,
        colour=thing.colour,
        size_word=thing.size_word,
        pose=pose,
        size=Vector3(x=length, y=width, z=height),
        place=thing.place,
        held_by=thing.held_by,
        state=float(thing.state),
    )


def scene_object_from_msg(message: SceneObjectMsg) -> SceneObject:
    """One thing of a simulated scene."""
    p, q, size = message.pose.position, message.pose.orientation, message.size
    return SceneObject(
        name=message.name,
        kind=message.kind,
        colour=message.colour,
        size_word=message.size_word,
        position=np.array((p.x, p.y, p.z)),
        orientation=np.array((q.w, q.x, q.y, q.z)),
        size=np.array((size.x, size.y, size.z)),
        place=message.place,
        held_by=message.held_by,
        state=message.state,
    )
