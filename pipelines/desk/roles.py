"""Who may do what. A route names the permission it needs; a role is a set of them."""

from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """What a route can ask for."""

    LOOK = "look"
    DECIDE = "decide"
    RULE = "rule"
    OPERATE = "operate"
    PROMOTE = "promote"
    ADMINISTER = "administer"


class Role(StrEnum):
    """What somebody is here for."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    MANAGER = "manager"
    ENGINEER = "engineer"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"


ALLOWED: Final = {
    Role.VIEWER: frozenset({Permission.LOOK}),
    Role.ANALYST: frozenset({Permission.LOOK, Permission.DECIDE}),
    Role.MANAGER: frozenset({Permission.LOOK, Permission.DECIDE, Permission.RULE}),
    Role.ENGINEER: frozenset({Permission.LOOK, Permission.OPERATE}),
    Role.APPROVER: frozenset({Permission.LOOK, Permission.PROMOTE}),
    Role.ADMINISTRATOR: frozenset(Permission),
}


def may(role: str, permission: Permission) -> bool:
    """Whether a role has a permission; a role that is not known has none."""
    return role in ALLOWED and permission in ALLOWED[Role(role)]
