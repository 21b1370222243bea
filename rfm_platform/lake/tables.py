"""Which tables the lake has."""

from pathlib import Path

import sqlalchemy as sa

from rfm_platform import catalog
from rfm_platform.lake.table import LakeTable


class Lake:
    """The tables under one directory, or under one prefix of an object store."""

    def __init__(self, root: Path, url: str | None = None) -> None:
        """Names the tables; nothing is opened.

        Args:
            root: the directory.
            url: the prefix where the tables lie instead, ``s3://bucket/prefix``.
        """

        def table(name: str, shape: sa.Table, partition_column: str) -> LakeTable:
            place = None if url is None else f"{url.rstrip('/')}/{name}"
            return LakeTable(root / name, shape, partition_column, place)

        as_of = "as_of_date"
        self.source_orders = table("source_orders", catalog.source_orders, "day")
        self.aggregated_monthly = table(
            "aggregated_monthly", catalog.aggregated_monthly_lake, "month_of_order"
        )
        self.final_user_analysis = table(
            "final_user_analysis", catalog.final_user_analysis_lake, as_of
        )
        self.rfm_scores = table("rfm_scores", catalog.rfm_scores_snapshots, as_of)
        self.rfm_thresholds = table("rfm_thresholds", catalog.rfm_thresholds, as_of)
        self.cohort_matrix = table("cohort_matrix", catalog.cohort_matrix_snapshots, as_of)
        self.rfm_segments = table("rfm_segments", catalog.rfm_segments_snapshots, as_of)
        self.rfm_cells = table("rfm_cells", catalog.rfm_cells_snapshots, as_of)
        self.rfm_concentration = table(
            "rfm_concentration", catalog.rfm_concentration_snapshots, as_of
        )
        self.rfm_migration = table("rfm_migration", catalog.rfm_migration_snapshots, as_of)
        self.cohort_retention = table("cohort_retention", catalog.cohort_retention_snapshots, as_of)
        self.campaign_effect = table("campaign_effect", catalog.campaign_effect_lake, as_of)
        self.next_purchase = table("next_purchase", catalog.next_purchase_snapshots, as_of)
        self.next_purchase_backtest = table(
            "next_purchase_backtest", catalog.next_purchase_backtest_snapshots, as_of
        )

    @property
    def tables(self) -> list[LakeTable]:
        """All of them."""
        return [table for table in vars(self).values() if isinstance(table, LakeTable)]
