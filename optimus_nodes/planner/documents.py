"""Worlds and plans as JSON: checked when they come in, complete when they go out.

A world: `{"objects": [{"name", "kind", "colour", "size", "place"}], "places": [...], "holding": {"left", "right"}}`.
A plan: `{"status", "say", "steps": [{"skill", "arguments", "sentence"}]}`, where the arguments of a step are those of
the skill (`colour`, `bin`, ...) and `object`, `onto_object`: the names of the things it is about.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from ..core.errors import ConfigError
from ..core.planner import PlanProposal
from ..core.world import Step, Thing, World, instruction_for

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_ -]*$", max_length=64)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]?[A-Za-z _-]*$", max_length=32)]
_ANYWHERE = ("bench", "table", "workbench")  # places that are no place in particular


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ObjectDocument(_Document):
    """Something in sight. `place`: one of the world's places, the name of the thing it stands on, or nothing.
    `across`: m left of the robot's middle."""

    name: Name
    kind: Literal["box", "bar", "button", "drawer", "distractor"] = "box"
    colour: Word = Field("", validation_alias=AliasChoices("colour", "color"))
    size: Literal["", "small", "large"] | None = ""
    place: Name | Literal[""] | None = ""
    state: Literal["", "open", "closed", "pressed"] | None = ""
    across: float | None = Field(None, ge=-10.0, le=10.0)


class HoldingDocument(_Document):
    """What is in the hands, by name."""

    left: Name | None = None
    right: Name | None = None


class WorldDocument(_Document):
    """The scene a plan is made for."""

    objects: tuple[ObjectDocument, ...] = Field((), max_length=200)
    places: tuple[Name, ...] = Field(("left_bin", "right_bin"), max_length=50)
    holding: HoldingDocument = HoldingDocument()

    @model_validator(mode="after")
    def _names_fit(self) -> WorldDocument:
        names = [one.name for one in self.objects]
        for name in names:
            if names.count(name) > 1 or name in self.places:
                raise ValueError(f"two things or places are called {name!r}; every name must be there once")
        for one in self.objects:
            if one.place and one.place not in (*self.places, *names, *_ANYWHERE):
                known = ", ".join((*self.places, *_ANYWHERE))
                raise ValueError(f"{one.name} is in {one.place!r}, which is no place or object here; places: {known}")
        for side, name in (("left", self.holding.left), ("right", self.holding.right)):
            if name and name not in names:
                raise ValueError(f"the {side} hand holds {name!r}, which is none of the objects: {', '.join(names)}")
        return self

    def world(self) -> World:
        """The same as the planner's value."""
        held = (self.holding.left, self.holding.right)
        things = tuple(
            Thing(
                one.name,
                one.kind,
                one.colour.lower(),
                one.size or "",
                "" if one.place in (None, *_ANYWHERE) or one.name in held else one.place or "",
                one.state or "",
                one.across,
            )
            for one in self.objects
        )
        return World(things, self.places, held[0] or "", held[1] or "")


def read_world(file: Path) -> World:
    """The world in a JSON file. Raises ConfigError that names file and entry, what is wrong and what is allowed."""
    try:
        return WorldDocument.model_validate_json(file.read_bytes()).world()
    except OSError as error:
        raise ConfigError(f"the world {file} can't be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise ConfigError(f"the world {file}, {where}: {first['msg'].removeprefix('Value error, ')}") from error


def plan_document(proposal: PlanProposal, world: World) -> dict[str, Any]:
    """A proposal as plain values for JSON."""
    steps = [
        {"skill": one.step.skill, "arguments": arguments(one.step, world), "sentence": one.sentence}
        for one in proposal.steps
    ]
    return {"status": proposal.status, "say": proposal.say, "steps": steps}


def arguments(step: Step, world: World) -> dict[str, str]:
    """What a step is about: the words of its skill, and the names of the things meant."""
    thing, onto = world.find(step.thing), world.find(step.onto)
    instruction = instruction_for(step, world)
    said = {
        "object": step.thing,
        "colour": thing.colour if thing is not None else "",
        "size": thing.size if thing is not None else "",
        "bin": step.place.removesuffix("_bin") if step.skill == "place" else "",
        "station": step.place.removeprefix("station_") if step.skill == "move" else "",
        "onto_object": step.onto,
        "onto": onto.colour if onto is not None else "",
        "side": step.side,
    }
    if instruction is not None and not step.thing:
        said |= {name: getattr(instruction, name) for name in ("colour", "size", "bin", "station", "onto", "side")}
    return {name: value for name, value in said.items() if value}
