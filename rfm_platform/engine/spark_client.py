"""The Spark Connect client, made to neither end the process nor talk out of turn."""

import logging
import os
import sys
from pathlib import Path

import pyspark
from pyspark.logger import PySparkLogger

# Where the program is no file (`python -c`, a worker of a test run), the client takes itself to be
# under test and looks for a whole Spark; it exits if there is none.
if not hasattr(sys.modules["__main__"], "__file__"):
    os.environ.setdefault("SPARK_HOME", str(Path(pyspark.__file__).parent))

from pyspark.errors import PySparkException
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.session import SparkSession
from pyspark.sql.dataframe import DataFrame

__all__ = ["DataFrame", "DefaultPolicy", "PySparkException", "SparkSession"]

# It writes each error's query and stack trace, and each call that comes after a session's end: we
# say what is wrong ourselves.
for _name in (
    "SQLQueryContextLogger",
    "DataFrameQueryContextLogger",
    "pyspark.sql.connect.logging",
):
    PySparkLogger.getLogger(_name).setLevel(logging.CRITICAL)
