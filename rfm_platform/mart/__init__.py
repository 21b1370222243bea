"""The data mart: read-only, one consistent snapshot at a time."""

from rfm_platform.mart.contract import ContractError
from rfm_platform.mart.snapshot import MartSnapshot, Share
from rfm_platform.mart.source import Mart, SourceNames

__all__ = ["ContractError", "Mart", "MartSnapshot", "Share", "SourceNames"]
