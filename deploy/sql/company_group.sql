-- For the views over all companies: whoever writes a view must be able to read the tables that it names, and the
-- account that loads the data lets the dataset of the group read this one.
GRANT `roles/bigquery.dataViewer` ON SCHEMA `${COMPANY_PROJECT}.bronze` TO 'serviceAccount:${RUNNER}';
GRANT `roles/bigquery.dataOwner` ON SCHEMA `${COMPANY_PROJECT}.bronze` TO 'serviceAccount:${LOADER}';
