"""The dbt package: a company of which every figure is known, and dbt itself."""
