"""DuckDB's SQL in Spark's words: a few rules, and what would change its meaning unseen is refused.

sqlglot knows both dialects' grammar. Each rule below is for something that it passes on as it is,
or turns into something that means another thing; ``test_spark_dialect.py`` shows what happens
without. What has no counterpart in Spark is spelled portably in the SQL files.
"""

from collections.abc import Callable
from functools import lru_cache

import sqlglot
from sqlglot import exp

from rfm_platform.errors import PlatformError

# As DuckDB's 128-bit sums, with the two decimals that shipping fees have.
_WIDE = "DECIMAL(38, 2)"
_SPARK_ONLY = frozenset({"CONV", "UNIX_MICROS"})


class DialectError(PlatformError):
    """SQL that Spark would not run, or would run to another result."""


@lru_cache(maxsize=256)
def to_spark(sql: str) -> str:
    """A query of DuckDB's dialect as Spark reads it; `$name` becomes `:name`.

    Raises:
        DialectError: it has a construct that no rule is known for.
    """
    tree = sqlglot.parse_one(sql, read="duckdb")
    # What is inside comes first, so that a rule finds its arguments translated.
    for node in reversed(list(tree.bfs())):
        if rule := _RULES.get(type(node)):
            translated = rule(node)
            if translated is not node:
                node.replace(translated)
    for node in tree.walk():
        _refuse(node)
    text: str = tree.sql("spark", comments=False)
    return text


def _function(node: exp.Expr) -> exp.Expr:
    arguments = node.expressions
    match node.name.upper():
        case "HASH":
            return _key(node)
        case "EPOCH_US":
            # Sessions are in UTC, so that this cast moves nothing.
            instant = exp.Cast(this=arguments[0], to=exp.DataType.build("TIMESTAMPLTZ"))
            return exp.Anonymous(this="UNIX_MICROS", expressions=[instant])
    return node


def _key(node: exp.Expr) -> exp.Expr:
    """Values as one text that no others have; where a number is asked for, 60 bits of its MD5.

    Spark's own hashes pass over nulls, so that ('a', null) and (null, 'a') have the same, and
    Sail's 64-bit one fails where a Parquet file's statistics say that all its columns are constant.
    """
    texts = [f"CAST({each.sql('spark')} AS STRING)" for each in node.expressions]
    parts = (f"COALESCE(CONCAT(CAST(LENGTH({t}) AS STRING), ':', {t}), '-')" for t in texts)
    key = f"CONCAT({', '.join(parts)})"
    if isinstance(node.parent, exp.Cast):
        key = f"CONV(SUBSTRING(MD5({key}), 1, 15), 16, 10)"
    return sqlglot.parse_one(key, read="spark")


def _sum(node: exp.Expr) -> exp.Expr:
    """Whole numbers of 64 bits are added up in 128, as in DuckDB; Sail would start over at -2⁶³."""
    if isinstance(node.this, exp.Cast) and node.this.to.sql("spark") == _WIDE:
        return node
    return exp.Sum(this=exp.cast(node.this, _WIDE))


def _type(node: exp.Expr) -> exp.Expr:
    return exp.DataType.build("DECIMAL(38, 0)") if node.this == exp.DType.INT128 else node


def _month_difference(node: exp.Expr) -> exp.Expr:
    """The months' difference: Spark would count whole months, 0 from 31 January to 1 February."""
    if node.text("unit").upper() != "MONTH":
        return node
    months = [
        f"YEAR({side.sql('spark')}) * 12 + MONTH({side.sql('spark')})"
        for side in (node.this, node.expression)
    ]
    return sqlglot.parse_one(f"(({months[0]}) - ({months[1]}))", read="spark")


def _division(node: exp.Expr) -> exp.Expr:
    """Division is of doubles; Spark would divide two decimals to a decimal, and round it."""
    if node.args.get("typed") is None:
        return node
    divided = exp.cast(exp.paren(node.this), "DOUBLE")
    return exp.Div(this=divided, expression=node.expression)


def _common_table(node: exp.Expr) -> exp.Expr:
    """Spark has no word for a common table that is computed once; the result is the same."""
    node.set("materialized", None)
    return node


_RULES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Anonymous: _function,
    exp.Sum: _sum,
    exp.DataType: _type,
    exp.DateDiff: _month_difference,
    exp.Div: _division,
    exp.CTE: _common_table,
}


def _refuse(node: exp.Expr) -> None:
    """Raises for what sqlglot passes on although Spark or Sail takes it otherwise or not at all."""
    reason = None
    match node:
        case exp.Anonymous() if node.name.upper() not in _SPARK_ONLY:
            reason = f"the function {node.name.upper()} has no rule"
        case exp.DateDiff() if node.text("unit").upper() != "DAY":
            reason = "Spark counts whole units, DuckDB those begun"
        case exp.ArrayAgg() if isinstance(node.this, exp.Order):
            reason = "a list would lose its order"
        case exp.Star() if any(node.args.get(key) for key in ("replace", "except_", "rename")):
            reason = "columns of a star are exchanged or left out: name them"
        case exp.Group() if node.args.get("all"):
            reason = "GROUP BY ALL: name the columns"
        case exp.SetOperation() if node.args.get("by_name"):
            reason = "BY NAME: name the columns on both sides"
        case exp.Join() if node.args.get("using"):
            reason = "USING: write ON"
        case exp.Window() if node.args.get("alias"):
            reason = "a named window: write it out"
    if reason:
        raise DialectError(f"no Spark SQL for {node.sql('duckdb')[:80]}: {reason}")
