"""What the Dagster UI says of each asset: who owns it, what it is, where its columns come from."""

import json
from importlib import resources

import dagster as dg
import pytest
import sqlalchemy as sa

from rfm_platform import catalog
from rfm_platform.definitions import build_defs
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.settings import read_settings
from rfm_platform_tests.assets.chain import Chain, line, new_chain

TABLES: dict[str, sa.Table] = {
    "flatten_order_marketplace": catalog.flatten_order_marketplace,
    "order_marketplace": catalog.order_marketplace,
    "source_orders": catalog.source_orders,
    "aggregated_monthly": catalog.aggregated_monthly,
    "final_user_analysis": catalog.final_user_analysis_snapshots,
    "rfm_scores": catalog.rfm_scores_snapshots,
    "cohort_matrix": catalog.cohort_matrix_snapshots,
    "rfm_segments": catalog.rfm_segments_snapshots,
    "rfm_migration": catalog.rfm_migration_snapshots,
    "cohort_retention": catalog.cohort_retention_snapshots,
    "campaign_effect": catalog.campaign_effect_snapshots,
    "next_purchase": catalog.next_purchase_snapshots,
    "next_purchase_backtest": catalog.next_purchase_backtest_snapshots,
    "customer_report": catalog.customer_report,
}
CHAIN = list(TABLES)[2:]


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dg.AssetSpec]:
    definitions = build_defs(read_settings(tmp_path_factory.mktemp("specs")))
    found = {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}
    return {name: spec for name, spec in found.items() if spec.group_name != "bi_database"}


def test_every_asset_of_the_contract_is_there_and_no_other(
    specs: dict[str, dg.AssetSpec],
) -> None:
    assert sorted(specs) == sorted([*TABLES, "redash_dashboards"])


@pytest.mark.parametrize("asset", TABLES)
def test_an_asset_says_what_it_is_whose_it_is_and_what_it_is_made_of(
    specs: dict[str, dg.AssetSpec], asset: str
) -> None:
    spec = specs[asset]
    assert spec.description
    assert spec.owners
    assert spec.kinds
    assert spec.group_name


@pytest.mark.parametrize("asset", TABLES)
def test_the_column_schema_of_an_asset_is_the_catalogues(
    specs: dict[str, dg.AssetSpec], asset: str
) -> None:
    schema = specs[asset].metadata["dagster/column_schema"]
    shown = [(c.name, c.description) for c in schema.columns]
    assert shown == [(c.name, c.comment) for c in TABLES[asset].columns]
    assert all(
        description and column.type
        for column, (_, description) in zip(schema.columns, shown, strict=True)
    )


@pytest.mark.parametrize("asset", TABLES)
def test_an_asset_with_a_recipients_name_is_marked_as_personal_data(
    specs: dict[str, dg.AssetSpec], asset: str
) -> None:
    has_name = "address_shipping_name" in TABLES[asset].columns
    assert ("personal_data" in specs[asset].tags) == has_name


@pytest.mark.parametrize("asset", CHAIN)
def test_an_asset_of_the_chain_has_one_partition_a_local_day(
    specs: dict[str, dg.AssetSpec], asset: str
) -> None:
    partitions = specs[asset].partitions_def
    assert isinstance(partitions, dg.DailyPartitionsDefinition)
    assert partitions.timezone == "Asia/Jakarta"


def test_the_chain_hangs_together_as_the_contract_says(specs: dict[str, dg.AssetSpec]) -> None:
    upstream = {
        asset: sorted(dep.asset_key.to_user_string() for dep in spec.deps)
        for asset, spec in specs.items()
    }
    assert upstream == {
        "flatten_order_marketplace": [],
        "order_marketplace": [],
        "source_orders": ["flatten_order_marketplace", "order_marketplace"],
        "aggregated_monthly": ["source_orders"],
        "final_user_analysis": ["aggregated_monthly"],
        "rfm_scores": ["final_user_analysis"],
        "cohort_matrix": ["final_user_analysis"],
        "rfm_segments": ["final_user_analysis", "rfm_scores"],
        "rfm_migration": ["final_user_analysis", "rfm_scores"],
        "cohort_retention": ["aggregated_monthly", "cohort_matrix", "final_user_analysis"],
        "campaign_effect": ["source_orders"],
        "next_purchase": ["rfm_scores", "source_orders"],
        "next_purchase_backtest": ["rfm_scores", "source_orders"],
        "customer_report": [
            "campaign_effect",
            "cohort_retention",
            "next_purchase_backtest",
            "rfm_migration",
            "rfm_segments",
        ],
        "redash_dashboards": [
            "cohort_retention",
            "customer_report",
            "rfm_migration",
            "rfm_segments",
        ],
    }


@pytest.fixture(scope="module")
def materialized(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    chain = new_chain(server, tmp_path_factory.mktemp("materialized"), analyses=True)
    chain.fill([line("o1", "01-01"), line("o2", "01-02")], [("shopee", "o1", "Recipient")])
    assert all(outcome.succeeded for outcome in chain.materialize("01-01", "01-02"))
    return chain


@pytest.mark.parametrize("asset", CHAIN)
def test_each_days_materialization_says_where_its_columns_come_from(
    materialized: Chain, asset: str
) -> None:
    """All published columns, once the lineage has been written down for the asset."""
    with materialized.instance() as instance:
        records = instance.fetch_materializations(dg.AssetKey(asset), limit=100).records
    assert records
    columns = {column.name for column in TABLES[asset].columns}
    file = resources.files("rfm_platform.customers").joinpath("lineage.json")
    written_down = json.loads(file.read_text(encoding="utf-8"))[asset]
    for record in records:
        materialization = record.asset_materialization
        assert materialization is not None
        lineage = materialization.metadata["dagster/column_lineage"].value
        assert isinstance(lineage, dg.TableColumnLineage)
        assert set(lineage.deps_by_column) == (columns if written_down else set())


def test_the_segments_and_their_actions_are_shown_with_the_scores(materialized: Chain) -> None:
    with materialized.instance() as instance:
        (record,) = instance.fetch_materializations(dg.AssetKey("rfm_scores"), limit=9).records
    assert record.asset_materialization is not None
    table = record.asset_materialization.metadata["segments"]
    assert isinstance(table, dg.TableMetadataValue)
    assert sum(int(str(row.data["customers"])) for row in table.records) == 2
    assert all(row.data["action"] for row in table.records)
