"""The taxonomy: the skills that are searched for, with spellings and categories.

`skills.yaml` has the skills with their English spellings, `translations.csv` the names in other languages,
`esco.csv` the identifiers of ESCO.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import (
    BeforeValidator,
    ConfigDict,
    StrictBool,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WrapValidator,
)
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

SHIPPED = Path(__file__).with_name("skills.yaml")
TRANSLATIONS = Path(__file__).with_name("translations.csv")
ESCO = Path(__file__).with_name("esco.csv")
ESCO_PREFIX = "http://data.europa.eu/esco/skill/"
#: Positions of skills are stored as unsigned 16-bit integers.
MAXIMUM_SKILLS = 65_535

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Contexts = Mapping[str, tuple[str, ...]]
_SEPARATORS = re.compile(r"[^\w.+#*,]+|_")
_TOP_KEYS = frozenset({"contexts", "skills"})


class TaxonomyError(ValueError):
    """A skills file can't be used. The message is one line with the skill and the problem."""


def _words_of_context(value: object, validate: Callable[[object], tuple[str, ...]], info: ValidationInfo) -> Any:
    """The words of a list, or those of the context that a text names, in ascending order."""
    if not isinstance(value, str):
        return tuple(sorted(set(validate(value))))
    contexts: _Contexts = info.context or {}
    if value not in contexts:
        raise PydanticCustomError("context", "names a context that is not defined")
    return contexts[value]


def _pairs(value: object) -> object:
    if not isinstance(value, dict):
        raise PydanticCustomError("ambiguous", "must hold aliases with the words that decide")
    return tuple(value.items())


_Spelling = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"[^\W_]|[.+#*,]")]
_ContextWord = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[\w.+#]+$")]
_ContextWords = Annotated[tuple[_ContextWord, ...], WrapValidator(_words_of_context)]
_Ambiguous = tuple[tuple[_Spelling, _ContextWords], ...]

#: Type of a validation error, or the pattern that a text does not match → the problem in words.
_PROBLEMS = {
    r"[^\W_]|[.+#*,]": "holds nothing that can be searched for",
    r"^[\w.+#]+$": "must be a single word",
    "tuple_type": "must be a list",
    "dict_type": "must hold names with lists of words",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "unexpected_keyword_argument": "is an unknown key",
    "missing": "is missing",
}


@dataclass(frozen=True)
class Skill:
    """One skill and how it is recognised in a text.

    Attributes:
        name: the usual spelling, which all results show.
        category: the group of the skill.
        aliases: other spellings. Hyphens, slashes and spaces are equivalent, and so are upper and lower case,
            except in aliases of up to four capitals (`is_exact`). `*` at the end of a word, or at the beginning of
            the first, stands for any letters.
        case: exact: the name only counts in this spelling (Go, not go); near: in this spelling it always counts,
            in another only near one of `near`.
        near: single words in lower case, of which one must be within 60 characters of the name; none is needed if
            empty. They do not apply to aliases.
        unless: phrases in which the name does not mean the skill ("series c").
        nested: also counts within a longer skill's name ("AWS" in "AWS Lambda").
        ambiguous: aliases that need such words too ("Lambda" of AWS Lambda), each with its words.
        translations: names in other languages than English, of the same form as aliases.
        esco: the URI of the same skill in ESCO; None where ESCO has none.
    """

    __pydantic_config__: ClassVar[ConfigDict] = {"extra": "forbid"}

    name: _Spelling
    category: _Spelling
    aliases: tuple[_Spelling, ...] = ()
    case: Literal["any", "exact", "near"] = "any"
    near: _ContextWords = ()
    unless: tuple[_Spelling, ...] = ()
    nested: StrictBool = False
    ambiguous: Annotated[_Ambiguous, BeforeValidator(_pairs)] = ()
    translations: tuple[_Spelling, ...] = ()
    esco: str | None = None

    @property
    def spellings(self) -> tuple[str, ...]:
        """The name, then the aliases, then the translations."""
        return (self.name, *self.other_spellings, *self.translations)

    @property
    def other_spellings(self) -> tuple[str, ...]:
        """All aliases, the ambiguous ones last; no translations."""
        return (*self.aliases, *(spelling for spelling, _ in self.ambiguous))

    def near_of(self, spelling: str) -> tuple[str, ...]:
        """The words of which one must be near a spelling; none is needed if empty."""
        if spelling == self.name or not self.ambiguous:
            return self.near if spelling == self.name else ()
        return next((words for alias, words in self.ambiguous if alias == spelling), ())

    def is_exact(self, spelling: str) -> bool:
        """Whether upper and lower case matter: in a case-sensitive name, and in aliases such as ML or HR."""
        if spelling == self.name:
            return self.case != "any"
        return len(spelling) <= 4 and spelling.isupper()


@dataclass(frozen=True)
class Taxonomy:
    """The skills in ascending order of the name. Results identify a skill by its position.

    Raises:
        TaxonomyError: two skills share a name or a spelling, or there are too many.
    """

    skills: tuple[Skill, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "skills", tuple(sorted(self.skills, key=lambda skill: skill.name)))
        if len(self.skills) > MAXIMUM_SKILLS:
            raise TaxonomyError(f"{len(self.skills)} skills are too many: at most {MAXIMUM_SKILLS}")
        _check_spellings(self.skills)

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits that change with whatever decides which skills are found in a text."""
        skills = repr([replace(skill, esco=None) for skill in self.skills])
        return hashlib.sha256(skills.encode()).hexdigest()[:12]

    def __hash__(self) -> int:
        # By the skills themselves it takes milliseconds, at every look into a cache.
        return hash(self.version)


def load_taxonomy(override: Path | None = None) -> Taxonomy:
    """Load the shipped skills.

    Args:
        override: a file of the same form, whose skills are added, or replace those of the same name.

    Raises:
        TaxonomyError: a file can't be read, has the wrong form, or contradicts itself.
    """
    if override is None:
        return _shipped()
    try:
        document = _read(override)
        contexts = _contexts(_read(SHIPPED)) | _contexts(document)
        kept = {skill.name: skill for skill in _shipped().skills}
        return Taxonomy(tuple((kept | _skills(document, contexts, {})).values()))
    except TaxonomyError as error:
        raise TaxonomyError(f"{override}: {error}") from None


@lru_cache(maxsize=1)
def _shipped() -> Taxonomy:
    document = _read(SHIPPED)
    translations = _translations()
    skills = _skills(document, _contexts(document), translations)
    with ESCO.open(encoding="utf-8", newline="") as lines:
        identifiers = dict(islice(csv.reader(lines), 1, None))
    if unknown := (translations.keys() | identifiers.keys()) - skills.keys():
        raise TaxonomyError(f"not in {SHIPPED.name}, but in a file beside it: {sorted(unknown)}")
    for name, identifier in identifiers.items():
        skills[name] = replace(skills[name], esco=ESCO_PREFIX + identifier)
    return Taxonomy(tuple(skills.values()))


def _translations() -> dict[str, list[str]]:
    """The names in other languages of each skill, each once."""
    with TRANSLATIONS.open(encoding="utf-8", newline="") as lines:
        return {
            skill: list(dict.fromkeys(name.strip() for cell in cells for name in cell.split(";") if name.strip()))
            for skill, *cells in islice(csv.reader(lines), 1, None)
        }


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except OSError as error:
        raise TaxonomyError(f"can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TaxonomyError("is not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise TaxonomyError(f"is not YAML{line}: {getattr(error, 'problem', None) or 'unreadable'}") from None
    if not isinstance(document, dict) or not isinstance(document.get("skills"), dict) or not document["skills"]:
        raise TaxonomyError("must hold 'skills': categories with their skills")
    if unknown := sorted(map(str, document.keys() - _TOP_KEYS)):
        raise TaxonomyError(f"unknown key '{unknown[0]}': only 'contexts' and 'skills' are known")
    return document


def _contexts(document: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    contexts: dict[str, tuple[str, ...]] = _valid(_ALL_CONTEXTS, document.get("contexts") or {}, "contexts", {})
    return contexts


def _skills(document: Mapping[str, Any], contexts: _Contexts, names: Mapping[str, list[str]]) -> dict[str, Skill]:
    """The skills of a file by name, with their `names` in other languages."""
    found: dict[str, Skill] = {}
    for category, entry in _entries(document):
        fields = {**(entry if isinstance(entry, dict) else {"name": entry}), "category": category}
        where = f"skill {fields['name']}" if "name" in fields else f"category {category}: {entry!r}"
        skill = _valid(_SKILL, _with_names(fields, names.get(fields.get("name", ""), [])), where, contexts)
        if skill.name in found:
            raise TaxonomyError(f"{where} is there twice, in {found[skill.name].category} and {category}")
        if skill.case == "near" and not skill.near:
            raise TaxonomyError(f"{where}: case is near, but there are no near words")
        if without := [alias for alias, near in skill.ambiguous if not near]:
            raise TaxonomyError(f"{where}: ambiguous alias {without[0]} has no words that decide")
        found[skill.name] = skill
    return found


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Each entry of a file with its category."""
    for category, entries in document["skills"].items():
        if not isinstance(entries, list) or not entries:
            raise TaxonomyError(f"category {category} holds no list of skills")
        for entry in entries:
            yield category, entry


def _with_names(fields: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """An entry with names in other languages; one that ends in `?` counts only near the words of the skill."""
    if not names:
        return fields
    own = {
        _key(spelling) for spelling in (fields["name"], *fields.get("aliases", []), *fields.get("ambiguous", {}))
    }
    new = [name for name in names if _key(name) not in own]
    ambiguous = {name.rstrip("?"): fields.get("near", []) for name in new if name.endswith("?")}
    return {
        **fields,
        "translations": [name for name in new if not name.endswith("?")],
        "ambiguous": {**fields.get("ambiguous", {}), **ambiguous},
    }


def _valid(adapter: TypeAdapter[Any], value: object, where: str, contexts: _Contexts) -> Any:
    try:
        return adapter.validate_python(value, context=contexts)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"{part} " for part in first["loc"])
        known = _PROBLEMS.get(first.get("ctx", {}).get("pattern", first["type"]), first["msg"])
        raise TaxonomyError(f"{where}: {place}{known}: {first['input']!r}") from None


_SKILL = TypeAdapter(Skill)
_ALL_CONTEXTS = TypeAdapter(dict[str, _ContextWords])


def _check_spellings(skills: tuple[Skill, ...]) -> None:
    owners: dict[str, Skill] = {}
    for skill in skills:
        key = _key(skill.name)
        if key in owners:
            raise TaxonomyError(f"skills {owners[key].name} and {skill.name} have the same name")
        owners[key] = skill
    names = frozenset(owners)
    for skill in skills:
        own = {_key(skill.name)}
        for alias in skill.spellings[1:]:
            key = _key(alias)
            owner = owners.setdefault(key, skill)
            if owner is not skill:
                # Words around it can tell two skills of one spelling apart.
                shared = next(spelling for spelling in owner.spellings if _key(spelling) == key)
                if not (skill.near_of(alias) and owner.near_of(shared)):
                    kind = "the name of" if key in names else "an alias of"
                    raise TaxonomyError(f"alias {alias} of {skill.name} is {kind} {owner.name}")
            if key in own:
                raise TaxonomyError(f"alias {alias} of {skill.name} is there twice")
            own.add(key)


def _key(spelling: str) -> str:
    """The form that spellings share which can't be distinguished in a text."""
    return " ".join(_SEPARATORS.split(spelling.casefold())).strip()
