"""What a warehouse holds already, looked at before anything is made or sent there."""

import psycopg
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql

from rfm_platform.catalog import CURRENT_VIEWS, SCHEMA, WAREHOUSE
from rfm_platform.postgres import DatabaseError

# SQLAlchemy has types but for what makes its dialects.
POSTGRES: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
# The schema's comment, and the columns that are not of the catalogue's type, a sentence each.
_LOOK = """
    SELECT
        ARRAY(
            SELECT OBJ_DESCRIPTION(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s
        ),
        ARRAY(
            SELECT FORMAT(
                '%%s.%%s.%%s is %%s, not %%s',
                %s::text, due.name, due.col, FORMAT_TYPE(a.atttypid, NULL), due.type::regtype
            )
            FROM UNNEST(%s::text[], %s::text[], %s::text[]) AS due (name, col, type)
            JOIN pg_class AS c ON c.relname = due.name
            JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = %s
            JOIN pg_attribute AS a
                ON a.attrelid = c.oid AND a.attname = due.col AND NOT a.attisdropped
            WHERE a.atttypid <> due.type::regtype
              AND NOT (due.type = 'TEXT' AND a.atttypid = 'varchar'::regtype)
        )
"""
# What is in the way of whoever makes the schema, a sentence each.
_IN_THE_WAY = """
    SELECT FORMAT('schema %%I belongs to %%s', nspname, nspowner::regrole)
    FROM pg_namespace WHERE nspname = %(schema)s AND NOT pg_has_role(nspowner, 'USAGE')
    UNION ALL
    SELECT FORMAT('%%I.%%I ', n.nspname, name)
        || CASE WHEN relkind <> ALL(kinds) THEN 'is no ' || what
            ELSE FORMAT('belongs to %%s', relowner::regrole) END
    FROM UNNEST(%(names)s::text[], %(are_views)s::boolean[]) AS due (name, is_view)
    JOIN (VALUES (FALSE, 'table', '{r,p}'::"char"[]), (TRUE, 'view', '{v}'))
        AS k (is_view, what, kinds) USING (is_view)
    JOIN pg_class AS c ON c.relname = due.name
    JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = %(schema)s
    WHERE relkind <> ALL(kinds) OR NOT pg_has_role(relowner, 'USAGE')
"""


def look_at(connection: psycopg.Connection, label: str) -> list[str | None]:
    """The schema's comment; nothing where there is no schema.

    Raises:
        DatabaseError: rows would be refused, or worse, would not be: COPY's binary form takes eight
            bytes for whatever the column holds in eight.
    """
    encoding = connection.info.parameter_status("server_encoding")
    if encoding not in ("UTF8", "SQL_ASCII"):
        raise DatabaseError(
            f"{label} is encoded as {encoding}, which lacks characters that are published: give "
            "RFM_WAREHOUSE_URL a database created with ENCODING 'UTF8'"
        )
    due = [
        (table.name, column.name, column.type.compile(POSTGRES))
        for table in WAREHOUSE.sorted_tables
        for column in table.columns
    ]
    columns = [list(column) for column in zip(*due, strict=True)]
    row = connection.execute(_LOOK, [SCHEMA, SCHEMA, *columns, SCHEMA]).fetchone()
    comments, others = row or ([], [])
    if others:
        raise DatabaseError(
            f"{label}: {'; '.join(others)}. Change it back (ALTER TABLE … ALTER COLUMN … TYPE …), "
            "or rename the table: it is made anew, and days published again fill it"
        )
    return list(comments)


def refuse_what_is_in_the_way(connection: psycopg.Connection, label: str) -> None:
    """Looks whether schema, tables and views can be made, or are there and ours.

    Raises:
        DatabaseError: something of that name is another role's, or of another kind.
    """
    tables = [(table.name, False) for table in WAREHOUSE.sorted_tables]
    names, are_views = zip(*tables, *((view, True) for view in CURRENT_VIEWS), strict=True)
    wanted = {"schema": SCHEMA, "names": list(names), "are_views": list(are_views)}
    if found := connection.execute(_IN_THE_WAY, wanted).fetchall():
        raise DatabaseError(
            f"{label}: {'; '.join(problem for (problem,) in found)}. Whoever publishes makes and "
            "owns them: ALTER … OWNER TO that role, or rename what is there"
        )
