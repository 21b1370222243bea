"""Tests of moving the BI platform's database, between two real servers."""
