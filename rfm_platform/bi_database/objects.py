"""Objects of two databases by their definitions: what is missing, what is otherwise."""

from collections.abc import Collection, Mapping

from rfm_platform.bi_database.database_settings import setting_notes
from rfm_platform.bi_database.grants import mapped
from rfm_platform.bi_database.locales import LOCALE, locale_differences
from rfm_platform.bi_database.results import SectionResult, listed
from rfm_platform.bi_database.sequences import compare_sequences
from rfm_platform.bi_database.state import NOT_VALID, SECTIONS, DatabaseState


def compare_objects(
    source: DatabaseState, target: DatabaseState, roles: Mapping[str, str]
) -> tuple[list[SectionResult], list[str]]:
    """Every kind of object, with sequences, owners, rights and encoding; and notes for a person.

    Args:
        source: what the dump's snapshot saw.
        target: the restored database.
        roles: as the restore mapped them.
    """
    invalid = {
        name
        for name, definition in source.sections["indexes"].items()
        if definition.startswith(NOT_VALID)
    }
    left_out = {"indexes": invalid}
    sections = []
    for name in SECTIONS:
        before, now = (
            _without(each.sections[name], left_out.get(name, ())) for each in (source, target)
        )
        sections.append(_compare_definitions(name, before, now))
    rights, notes = _rights(source, target, roles)
    sequences, behind = compare_sequences(source.sequences, target.sequences)
    sections += [
        sequences,
        _owners(source, target),
        rights,
        _encoding(source, target),
    ]
    notes += behind
    if invalid:
        notes.append(
            f"Not valid at the source, and so in no dump: the index {listed(sorted(invalid))}. "
            "Where it is needed, create it at the target."
        )
    return sections, notes + setting_notes(source, target, roles) + _notes(source, target)


def _without(definitions: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    return {name: text for name, text in definitions.items() if name not in names}


def _compare_definitions(
    section: str, source: Mapping[str, str], target: Mapping[str, str]
) -> SectionResult:
    return SectionResult(
        section=section,
        compared=len(source),
        missing=tuple(sorted(source.keys() - target.keys())),
        extra=tuple(sorted(target.keys() - source.keys())),
        different=tuple(
            f"{name} ({_difference(source[name], target[name])})"
            for name in sorted(source.keys() & target.keys())
            if source[name] != target[name]
        ),
    )


def _owners(source: DatabaseState, target: DatabaseState) -> SectionResult:
    """Everything belongs to the role that restored, whoever owned it before."""
    expected = dict.fromkeys(source.owners, target.connected_as)
    return _compare_definitions("owners", expected, target.owners)


def _rights(
    source: DatabaseState, target: DatabaseState, roles: Mapping[str, str]
) -> tuple[SectionResult, list[str]]:
    carried, left = mapped(source, roles, target.connected_as)
    expected = {f"{g.privilege} on {g.object} to {g.grantee}": str(g.is_grantable) for g in carried}
    # Cloud servers give their administrators rights of their own: more is told, less is wrong.
    given = {
        f"{g.privilege} on {g.object} to {g.grantee}": str(g.is_grantable) for g in target.grants
    }
    compared = _compare_definitions("rights", expected, given).model_copy(update={"extra": ()})
    notes = []
    if left:
        who = ", ".join(sorted({grant.grantee for grant in left}))
        notes.append(
            f"{len(left)} rights of {who} were not carried over: name who stands for them in "
            "RFM_BI_ROLES, or give them by hand."
        )
    if more := sorted(given.keys() - expected.keys()):
        notes.append(f"Rights that only the target has: {listed(more)}.")
    return compared, notes


def _encoding(source: DatabaseState, target: DatabaseState) -> SectionResult:
    return _compare_definitions(
        "encoding", {"encoding": source.encoding}, {"encoding": target.encoding}
    )


def _notes(source: DatabaseState, target: DatabaseState) -> list[str]:
    notes = locale_differences(*(each.model_dump(include=set(LOCALE)) for each in (source, target)))
    if tables := source.extension_tables:
        notes.append(
            f"Tables of extensions, whose rows were not compared: {listed(tables)}. A dump holds "
            "what the extension says, or nothing: where rows of yours are in them, look at those."
        )
    if source.major_version != target.major_version:
        notes.append(
            f"From PostgreSQL {source.major_version} to {target.major_version}: views are "
            "compared as the target writes them; where another definition shows as different, look "
            "at both texts."
        )
    return notes


def _difference(before: str, after: str) -> str:
    """Both texts from a little before where they part."""
    old, new = " ".join(before.split()), " ".join(after.split())
    parting = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
    start = max(0, parting - 20)
    return " → ".join(
        ("…" if start else "") + text[start : start + 60] + ("…" if len(text) > start + 60 else "")
        for text in (old, new)
    )
