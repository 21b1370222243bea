"""Dashboards in Redash: declared here in YAML and SQL, provisioned there, and proved.

`declaration` reads the files, `wanted` and `live` bring both sides into one form, `plan` compares
them with what was sent before, `provision` does it, `shapes` and `drawn` know what Redash's charts
make of a result, `proof` compares figures, `export` reads what people made, to be
written as a declaration by `exported`.
"""
