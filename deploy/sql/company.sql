-- Creates a company's three datasets, and grants write access to these only.
CREATE SCHEMA IF NOT EXISTS `${COMPANY_PROJECT}.bronze` OPTIONS (location = '${COMPANY_LOCATION}');
CREATE SCHEMA IF NOT EXISTS `${COMPANY_PROJECT}.staging` OPTIONS (location = '${COMPANY_LOCATION}');
CREATE SCHEMA IF NOT EXISTS `${COMPANY_PROJECT}.management` OPTIONS (location = '${COMPANY_LOCATION}');
GRANT `roles/bigquery.dataEditor` ON SCHEMA `${COMPANY_PROJECT}.bronze` TO 'serviceAccount:${LOADER}';
GRANT `roles/bigquery.dataEditor` ON SCHEMA `${COMPANY_PROJECT}.staging` TO 'serviceAccount:${LOADER}';
GRANT `roles/bigquery.dataEditor` ON SCHEMA `${COMPANY_PROJECT}.management` TO 'serviceAccount:${LOADER}';
