"""The client's types are those of the API's answers.

`python -m market_assets_tests.api_client.test_answers` writes them anew.
"""

from __future__ import annotations

import types
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

import market_assets
from market_assets.web.market import models

FILE = Path(market_assets.__file__).parent / "api_client" / "answers.py"
HEAD = '''"""The answers of the market API as they come, in JSON: the types of `market_assets.web.market.models`.

Written by `market_assets_tests.api_client.test_answers`; fields are described in the OpenAPI document.
"""

from __future__ import annotations

from typing import Literal, TypedDict
'''


def written(annotation: Any) -> str:
    """A type as the JSON has it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " | ".join(written(each) for each in arguments)
    if origin is Literal:
        return f"Literal[{', '.join(repr(each).replace(chr(39), chr(34)) for each in arguments)}]"
    if origin in (list, dict):
        return f"{origin.__name__}[{', '.join(written(each) for each in arguments)}]"
    if annotation is datetime:
        return "str"
    return "None" if annotation is type(None) else str(annotation.__name__)


def described(model: type[BaseModel]) -> str:
    lines = [f"class {model.__name__}(TypedDict):"]
    lines += [f"    {name}: {written(field.annotation)}" for name, field in model.model_fields.items()]
    return "\n".join(lines)


def source() -> str:
    """The module: each model after those that it is made of."""
    found = [
        each
        for each in vars(models).values()
        if isinstance(each, type)
        and issubclass(each, models.StrictModel)
        and not each.__name__.endswith("Request")
    ]
    bases = (models.StrictModel, models.Paginated)
    return "\n\n\n".join([HEAD.rstrip("\n"), *(described(model) for model in found if model not in bases)]) + "\n"


def test_the_types_are_those_of_the_answers() -> None:
    assert FILE.read_text(encoding="utf-8") == source(), f"run python -m {__name__}"


if __name__ == "__main__":
    FILE.write_text(source(), encoding="utf-8")
