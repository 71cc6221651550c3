"""nginx-config-builder, made safe with three helpers.

Its blocks are dictionaries keyed by name, so a second `server` or `location /` would silently replace the first.
An EmptyBlock has no name: wrapped in one each, directives keep their twins and their order.
"""

# mypy: disable-error-code="no-untyped-call"

from nginx.config.api import Block, Config, EmptyBlock
from nginx.config.api.blocks import Base
from nginx.config.api.options import Comment, KeyMultiValueOption, KeyOption


def directive(name: str, *values: object) -> Base:
    """`name value ...;` that never overwrites its twin."""
    option = KeyMultiValueOption(name, [str(value) for value in values]) if values else KeyOption(name)
    return EmptyBlock(option)


def block(name: str, *children: Base) -> Base:
    """`name { ... }`, repeatable, with the children in the given order."""
    return EmptyBlock(Block(name, *children))


def remark(text: str) -> Base:
    """A comment line in the rendered file."""
    return EmptyBlock(Comment(comment=text))


def quoted(text: str) -> str:
    """One nginx string. Hazard: `$name` in it is still replaced by nginx, and 4096 bytes are the most it can hold."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def ms(seconds: float) -> str:
    """A wait as nginx writes it."""
    return f"{round(seconds * 1000)}ms"


def written(*children: Base) -> str:
    """The file."""
    return str(Config(*children)).lstrip() + "\n"
