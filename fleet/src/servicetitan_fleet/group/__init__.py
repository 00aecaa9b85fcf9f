"""Views over the tables of all companies, in a project of the group."""
