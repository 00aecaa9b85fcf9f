"""The dbt package: a company of which every figure is known, the package's queries without dbt, and dbt itself."""
