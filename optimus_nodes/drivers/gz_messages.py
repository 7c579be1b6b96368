"""Those of Gazebo's messages (protobuf, `gz.msgs`, in Fortress `ignition.msgs`) that are spoken here, by their numbers.

Only the fields that are used are named; a reader skips the others. Names and numbers are those of gz-msgs.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

__all__ = ["Any", "DecodeError", "make", "read"]

_PACKAGE = "optimus.gz"  # protobuf knows no names on the wire
_FIELD = descriptor_pb2.FieldDescriptorProto
_KINDS = {
    "double": _FIELD.TYPE_DOUBLE,
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "uint32": _FIELD.TYPE_UINT32,
    "uint64": _FIELD.TYPE_UINT64,
    "bool": _FIELD.TYPE_BOOL,
    "string": _FIELD.TYPE_STRING,
    "bytes": _FIELD.TYPE_BYTES,
}
# message: {field: (number, type)}; a type with a * is repeated, one that is no number or text is another message.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Time": {"sec": (1, "int64"), "nsec": (2, "int32")},
    "Header": {"stamp": (1, "Time")},
    "Vector3d": {"x": (2, "double"), "y": (3, "double"), "z": (4, "double")},
    "Quaternion": {"x": (2, "double"), "y": (3, "double"), "z": (4, "double"), "w": (5, "double")},
    "Pose": {"name": (2, "string"), "position": (4, "Vector3d"), "orientation": (5, "Quaternion")},
    "Pose_V": {"header": (1, "Header"), "pose": (2, "Pose*")},
    "Boolean": {"data": (2, "bool")},
    "Clock": {"sim": (4, "Time")},
    "Axis": {"position": (10, "double"), "velocity": (11, "double"), "force": (12, "double")},
    "Joint": {"name": (2, "string"), "axis1": (10, "Axis")},
    "Model": {"header": (1, "Header"), "name": (2, "string"), "joint": (6, "Joint*")},
    "JointTrajectoryPoint": {"positions": (1, "double*"), "velocities": (2, "double*"), "effort": (4, "double*")},
    "JointTrajectory": {"joint_names": (2, "string*"), "points": (3, "JointTrajectoryPoint*")},
    "IMU": {
        "header": (1, "Header"),
        "orientation": (3, "Quaternion"),
        "angular_velocity": (4, "Vector3d"),
        "linear_acceleration": (5, "Vector3d"),
    },
    "Image": {
        "header": (1, "Header"),
        "width": (2, "uint32"),
        "height": (3, "uint32"),
        "step": (4, "uint32"),
        "data": (5, "bytes"),
        "pixel_format_type": (6, "int32"),
    },
    "WorldControl": {"pause": (2, "bool")},
    "Wrench": {"force": (2, "Vector3d")},
    "JointWrench": {"body_1_wrench": (6, "Wrench"), "body_2_wrench": (7, "Wrench")},
    "Contact": {"position": (4, "Vector3d*"), "wrench": (7, "JointWrench*")},
    "Contacts": {"header": (1, "Header"), "contact": (2, "Contact*")},
    "Entity": {"name": (3, "string"), "type": (4, "int32")},
    "EntityFactory": {"sdf": (2, "string"), "pose": (7, "Pose"), "name": (8, "string")},
    "MessagePublisher": {"ctrl": (1, "string"), "msg_type": (2, "string")},
    "ServicePublisher": {"socket_id": (1, "string"), "request_type": (2, "string"), "response_type": (3, "string")},
    "Subscriber": {"topic": (1, "string")},
    "Publisher": {
        "topic": (1, "string"),
        "address": (2, "string"),
        "process_uuid": (3, "string"),
        "node_uuid": (4, "string"),
        "scope": (5, "int32"),
        "msg_pub": (6, "MessagePublisher"),
        "srv_pub": (7, "ServicePublisher"),
    },
    "Discovery": {
        "version": (2, "uint32"),
        "process_uuid": (3, "string"),
        "type": (4, "int32"),
        "sub": (6, "Subscriber"),
        "pub": (7, "Publisher"),
    },
}


def _describe() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="optimus_gz.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            base = kind.rstrip("*")
            made = message.field.add(name=field, number=number)
            made.label = _FIELD.LABEL_REPEATED if kind.endswith("*") else _FIELD.LABEL_OPTIONAL
            made.type = _KINDS.get(base, _FIELD.TYPE_MESSAGE)
            if base not in _KINDS:
                made.type_name = f".{_PACKAGE}.{base}"
    return file


def _classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_describe())
    made = {}
    for name in _MESSAGES:
        made[name] = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
    return made


_CLASSES = _classes()


def make(kind: str, /, **fields: Any) -> Any:
    """A new message, as in make("Boolean", data=True)."""
    return _CLASSES[kind](**fields)


def read(kind: str, data: bytes) -> Any:
    """The message that `data` holds. Raises DecodeError."""
    return _CLASSES[kind].FromString(data)
