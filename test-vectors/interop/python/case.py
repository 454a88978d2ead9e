"""How a case is told, and the repository that most cases begin with."""
import dataclasses
from typing import Callable

from repository import Repository

HELLO, APP = "hello.txt", "project/app.tar"


@dataclasses.dataclass
class Case:
    """What is written, and what a sound client says of it: its last step is refused by our client with
    this code, all steps before are accepted."""
    name: str
    about: str
    refused: str | None
    make: Callable


CASES = []


def add(name, about, make, refused=None):
    CASES.append(Case(name, about, refused, make))


def case(about, refused=None):
    """The function below is a case that bears its name."""
    def register(make):
        add(make.__name__.replace("_", "-"), about, make, refused)
        return make
    return register


def sound(**options):
    """A target of its own and one of a delegated role."""
    repository = Repository(**options)
    repository.add(HELLO)
    repository.delegate("project", ["project/*"])
    repository.add(APP, "project")
    return repository


def code_of(role):
    """How our codes name a role."""
    return "delegation" if role == "project" else role
