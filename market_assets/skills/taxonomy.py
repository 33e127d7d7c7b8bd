"""The taxonomy: the skills that are searched for, with spellings and categories.

`skills.yaml` has the skills with their English spellings, `translations.csv` the names in other languages.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

SHIPPED = Path(__file__).with_name("skills.yaml")
TRANSLATIONS = Path(__file__).with_name("translations.csv")
#: Positions of skills are stored as unsigned 16-bit integers.
MAXIMUM_SKILLS = 65_535

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SKILL_KEYS = frozenset({"name", "aliases", "ambiguous", "case", "near", "unless", "nested"})
_TOP_KEYS = frozenset({"contexts", "skills"})


class TaxonomyError(ValueError):
    """A skills file can't be used. The message is one line with the skill and the problem."""


@dataclass(frozen=True)
class Skill:
    """One skill and how it is recognised in a text.

    Attributes:
        name: the usual spelling, which all results show.
        category: the group of the skill.
        aliases: other spellings. Hyphens, slashes and spaces are equivalent, and so are upper and lower case,
        except
            in aliases of up to four capitals (`is_exact`). `*` at the end of a word, or at the beginning of the
            first, stands for any letters.
        case_sensitive: the name only counts in this spelling (Go, not go).
        case_by_context: in this spelling the name always counts, in another case only near one of `near`.
        translations: names in other languages than English, of the same form as aliases.
        near: single words in lower case, of which one must be within 60 characters of the name; none is needed if
            empty. They do not apply to aliases.
        ambiguous: aliases that need such words too ("Lambda" of AWS Lambda), each with its words.
        unless: phrases in which the name does not mean the skill ("series c").
        nested: also counts within a longer skill's name ("AWS" in "AWS Lambda").
    """

    name: str
    category: str
    aliases: tuple[str, ...] = ()
    case_sensitive: bool = False
    near: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    nested: bool = False
    ambiguous: tuple[tuple[str, tuple[str, ...]], ...] = ()
    case_by_context: bool = False
    translations: tuple[str, ...] = ()

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
        return self.near if spelling == self.name else dict(self.ambiguous).get(spelling, ())

    def is_exact(self, spelling: str) -> bool:
        """Whether upper and lower case matter: in a case-sensitive name, and in aliases such as ML or HR."""
        if spelling == self.name:
            return self.case_sensitive or self.case_by_context
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
        """Twelve hexadecimal digits that change with any change of the taxonomy."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    def to_json(self) -> str:
        """The taxonomy as JSON; equal for equal taxonomies."""
        return self._json

    @cached_property
    def _json(self) -> str:
        return json.dumps([asdict(skill) for skill in self.skills], ensure_ascii=True, sort_keys=True)


def load_taxonomy(override: Path | None = None) -> Taxonomy:
    """Load the shipped skills.

    Args:
        override: a file of the same form, whose skills are added, or replace those of the same name.

    Raises:
        TaxonomyError: a file can't be read, has the wrong form, or contradicts itself.
    """
    return _shipped() if override is None else _overridden(override)


@lru_cache(maxsize=1)
def _shipped() -> Taxonomy:
    document = _read(SHIPPED)
    skills = _unique_names(_skills(document, _contexts(document)))
    return Taxonomy(tuple(_translated(skills, _translations())))


def _translations() -> dict[str, list[str]]:
    """The names in other languages of each skill, each once."""
    with TRANSLATIONS.open(encoding="utf-8", newline="") as lines:
        return {
            skill: list(dict.fromkeys(name.strip() for cell in cells for name in cell.split(";") if name.strip()))
            for skill, *cells in islice(csv.reader(lines), 1, None)
        }


def _translated(skills: list[Skill], names: dict[str, list[str]]) -> list[Skill]:
    if unknown := names.keys() - {skill.name for skill in skills}:
        raise TaxonomyError(f"{TRANSLATIONS.name} names skills that are not in {SHIPPED.name}: {sorted(unknown)}")
    return [_with_names(skill, names.get(skill.name, [])) for skill in skills]


def _with_names(skill: Skill, names: list[str]) -> Skill:
    """The skill with names in other languages; one that ends in `?` counts only near the words of the skill."""
    own = {_key(spelling) for spelling in skill.spellings}
    new = [name for name in names if _key(name) not in own]
    ambiguous = tuple((name.rstrip("?"), skill.near) for name in new if name.endswith("?"))
    return replace(
        skill,
        translations=tuple(name for name in new if not name.endswith("?")),
        ambiguous=skill.ambiguous + ambiguous,
    )


def _overridden(path: Path) -> Taxonomy:
    try:
        document = _read(path)
        contexts = _contexts(_read(SHIPPED)) | _contexts(document)
        replacing = {skill.name: skill for skill in _unique_names(_skills(document, contexts))}
        kept = {skill.name: skill for skill in _shipped().skills}
        return Taxonomy(tuple((kept | replacing).values()))
    except TaxonomyError as error:
        raise TaxonomyError(f"{path}: {error}") from None


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
    contexts = document.get("contexts") or {}
    if not isinstance(contexts, dict):
        raise TaxonomyError("'contexts' must hold names with lists of words")
    return {
        str(name): _single_words(_texts(words, f"context {name}"), f"context {name}")
        for name, words in contexts.items()
    }


def _skills(document: Mapping[str, Any], contexts: Mapping[str, tuple[str, ...]]) -> Iterator[Skill]:
    for category, entries in document["skills"].items():
        if not isinstance(category, str) or not category.strip():
            raise TaxonomyError(f"category {category!r} is not a text")
        if not isinstance(entries, list) or not entries:
            raise TaxonomyError(f"category {category} holds no list of skills")
        for entry in entries:
            yield _skill(entry, category.strip(), contexts)


def _skill(entry: object, category: str, contexts: Mapping[str, tuple[str, ...]]) -> Skill:
    fields: Mapping[Any, Any] = entry if isinstance(entry, dict) else {"name": entry}
    name = fields.get("name")
    if not isinstance(name, str) or not _key(name):
        raise TaxonomyError(f"category {category} has a skill without a name: {entry!r}")
    where = f"skill {name}"
    if unknown := sorted(map(str, fields.keys() - _SKILL_KEYS)):
        raise TaxonomyError(f"{where}: unknown key '{unknown[0]}'")
    if fields.get("case", "any") not in ("any", "exact", "near"):
        raise TaxonomyError(f"{where}: case is 'any', 'exact' or 'near', not {fields['case']!r}")
    if fields.get("case") == "near" and not fields.get("near"):
        raise TaxonomyError(f"{where}: case is near, but there are no near words")
    if not isinstance(fields.get("nested", False), bool):
        raise TaxonomyError(f"{where}: nested is true or false, not {fields['nested']!r}")
    return Skill(
        name=name.strip(),
        category=category,
        aliases=_texts(fields.get("aliases", []), f"{where}: aliases"),
        case_sensitive=fields.get("case") == "exact",
        near=_near(fields.get("near", []), where, contexts),
        unless=_texts(fields.get("unless", []), f"{where}: unless"),
        nested=fields.get("nested", False),
        ambiguous=_ambiguous(fields.get("ambiguous", {}), where, contexts),
        case_by_context=fields.get("case") == "near",
    )


def _ambiguous(
    value: object, where: str, contexts: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, dict):
        raise TaxonomyError(f"{where}: ambiguous must hold aliases with the words that decide, not {value!r}")
    spellings = _texts(list(value), f"{where}: ambiguous")
    words = [_near(near, where, contexts) for near in value.values()]
    if () in words:
        raise TaxonomyError(f"{where}: ambiguous alias {spellings[words.index(())]} has no words that decide")
    return tuple(zip(spellings, words, strict=True))


def _near(value: object, where: str, contexts: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if isinstance(value, str):
        if value not in contexts:
            raise TaxonomyError(f"{where}: near names the context '{value}', which is not defined")
        return contexts[value]
    return _single_words(_texts(value, f"{where}: near"), f"{where}: near")


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TaxonomyError(f"{where} must be a list, not {value!r}")
    for text in value:
        if not isinstance(text, str) or not _key(text):
            raise TaxonomyError(f"{where} must hold texts, not {text!r}")
    return tuple(text.strip() for text in value)


def _single_words(words: tuple[str, ...], where: str) -> tuple[str, ...]:
    for word in words:
        if not re.fullmatch(r"[\w.+#]+", word):
            raise TaxonomyError(f"{where} must hold single words, not '{word}'")
    return tuple(sorted({word.lower() for word in words}))


def _unique_names(skills: Iterator[Skill]) -> list[Skill]:
    seen: dict[str, Skill] = {}
    for skill in skills:
        if skill.name in seen:
            categories = f"{seen[skill.name].category} and {skill.category}"
            raise TaxonomyError(f"skill {skill.name} is there twice, in {categories}")
        seen[skill.name] = skill
    return list(seen.values())


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
    return " ".join(re.split(r"[^\w.+#*,]+|_", spelling.casefold())).strip()
