"""The Singer catalog: its entries, and discovery."""
