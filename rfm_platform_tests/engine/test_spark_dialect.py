"""Each rule of the dialect: with it a Spark server says what DuckDB says, without it does not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot

from rfm_platform.engine.sail import embedded_remote
from rfm_platform.engine.spark_client import PySparkException, SparkSession
from rfm_platform.engine.spark_dialect import DialectError, to_spark

RULES = {
    "a null moves in the hash": "SELECT HASH('a', NULL) = HASH(NULL, 'a')",
    "a null is not an empty text in the hash": "SELECT HASH('a', NULL) = HASH('a', '')",
    "a number of a hash": (
        "SELECT CAST(HASH('a', NULL) AS HUGEINT) = CAST(HASH(NULL, 'a') AS HUGEINT)"
    ),
    "microseconds of a timestamp without zone": (
        "SELECT EPOCH_US(TIMESTAMP '2024-02-29 23:59:59.999999')"
    ),
    "a sum beyond 64 bits": (
        "SELECT CAST(SUM(x) AS VARCHAR) LIKE '18000000000000000000%' "
        "FROM (VALUES (CAST(9000000000000000000 AS BIGINT)), (9000000000000000000)) AS t(x)"
    ),
    "a product beyond 64 bits": (
        "SELECT CAST(CAST(x AS HUGEINT) * 4 / 8 AS BIGINT) "
        "FROM (VALUES (CAST(9000000000000000000 AS BIGINT))) AS t(x)"
    ),
    "months begun, not months over": (
        "SELECT DATE_DIFF('month', DATE '2024-01-31', DATE '2024-02-01')"
    ),
    "a quotient of decimals is a double": (
        "SELECT CAST(1 AS DECIMAL(18, 2)) / CAST(3 AS DECIMAL(18, 2))"
    ),
    "a common table that is computed once": (
        "WITH a AS MATERIALIZED (SELECT 1 AS x) SELECT x FROM a"
    ),
}
REFUSED = {
    "SELECT LIST(x ORDER BY y) FROM t": "lose its order",
    "SELECT * REPLACE (1 AS x) FROM t": "name them",
    "SELECT * EXCLUDE (x) FROM t": "name them",
    "SELECT x, COUNT(*) FROM t GROUP BY ALL": "GROUP BY ALL",
    "SELECT x FROM t UNION ALL BY NAME SELECT x FROM u": "BY NAME",
    "SELECT x FROM t JOIN u USING (x)": "write ON",
    "SELECT SUM(x) OVER w FROM t WINDOW w AS (ORDER BY x)": "named window",
    "SELECT LIST_SELECT(x, y) FROM t": "LIST_SELECT has no rule",
    "SELECT DATE_DIFF('year', x, y) FROM t": "those begun",
}


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    session = SparkSession.builder.remote(embedded_remote()).create()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    yield session
    session.stop()


def _rows(spark: SparkSession, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in spark.sql(sql).collect()]


@pytest.mark.parametrize("sql", RULES.values(), ids=RULES)
def test_without_its_rule_an_expression_fails_or_means_something_else(
    spark: SparkSession, sql: str
) -> None:
    due = duckdb.execute(sql).fetchall()
    assert _rows(spark, to_spark(sql)) == due
    (passed_on,) = sqlglot.transpile(sql, read="duckdb", write="spark")
    try:
        without = _rows(spark, passed_on)
    except PySparkException:
        return
    assert without != due, "the rule is not needed any more"


def test_sails_own_hash_still_fails_on_a_column_that_its_file_says_is_constant(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Why a hash is a text or an MD5 here. Once this fails, XXHASH64 with null flags is cheaper."""
    pq.write_table(pa.table({"x": ["a", "a"]}), tmp_path / "constant.parquet")
    spark.read.parquet(str(tmp_path)).createOrReplaceTempView("constant")
    with pytest.raises(PySparkException, match="panicked"):
        _rows(spark, "SELECT XXHASH64(x) FROM constant")
    same = _rows(spark, to_spark("SELECT COUNT(DISTINCT HASH(x)) FROM constant"))
    assert same == [(1,)]


@pytest.mark.parametrize(("sql", "why"), REFUSED.items())
def test_what_spark_takes_otherwise_or_not_at_all_is_refused_here(sql: str, why: str) -> None:
    with pytest.raises(DialectError, match=why):
        to_spark(sql)


def test_a_rule_within_a_rule_is_applied() -> None:
    text = to_spark("SELECT SUM(EPOCH_US(a)) / SUM(b) FROM t")
    summed = "SUM(CAST(UNIX_MICROS(CAST(a AS TIMESTAMP_LTZ)) AS DECIMAL(38, 2)))"
    assert text == f"SELECT CAST(({summed}) AS DOUBLE) / SUM(CAST(b AS DECIMAL(38, 2))) FROM t"


def test_a_text_with_a_quote_and_a_backslash_stays_itself(spark: SparkSession) -> None:
    sql = "SELECT 'a''b' AS x, 'c\\d' AS y"
    assert _rows(spark, to_spark(sql)) == duckdb.execute(sql).fetchall() == [("a'b", "c\\d")]


def test_nulls_are_ordered_last_as_duckdb_does(spark: SparkSession) -> None:
    sql = "SELECT x, ROW_NUMBER() OVER (ORDER BY x) FROM (VALUES (2), (NULL), (1)) AS t(x)"
    assert sorted(_rows(spark, to_spark(sql)), key=repr) == [(1, 1), (2, 2), (None, 3)]
