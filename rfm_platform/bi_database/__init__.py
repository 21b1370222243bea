"""Moving the BI platform's database: inventory, dump, restore, verification, and what is known of
Redash.

A source is reached by URL or through a command (`endpoint`); what one snapshot of it holds is
written beside the dump (`manifest`), and the restored database is compared with that and not with
a source that lives on. Dagster and the command line use the same functions.
"""
