"""The data mart: read-only, one consistent snapshot at a time."""

from rfm_platform.mart.contract import ContractError
from rfm_platform.mart.source import Mart, MartSnapshot, SourceNames

__all__ = ["ContractError", "Mart", "MartSnapshot", "SourceNames"]
