"""What the docstring of a settings class says of each setting."""

from docstring_parser import DocstringStyle, parse


def meanings(about: type) -> dict[str, str]:
    """The meaning of each attribute, on one line; those of the class's bases too."""
    found: dict[str, str] = {}
    for one in reversed(about.__mro__):
        if one.__doc__ and one.__module__ != "builtins":
            for item in parse(one.__doc__, DocstringStyle.GOOGLE).params:
                found[item.arg_name] = " ".join((item.description or "").split()).replace("``", "")
    return found
