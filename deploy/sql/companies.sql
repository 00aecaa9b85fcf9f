-- The registry of companies. docs/reference/fleet.md says what the fields mean. deploy.sh fills in the names in braces.
CREATE SCHEMA IF NOT EXISTS `${PROJECT_ID}.settings`
OPTIONS (location = '${BIGQUERY_LOCATION}', description = 'What the fleet is told');

CREATE TABLE IF NOT EXISTS `${PROJECT_ID}.settings.companies` (
  company_id STRING NOT NULL OPTIONS (description = 'Short name; it never changes, because the state is kept under it'),
  company_name STRING OPTIONS (description = 'Name for people'),
  tenant_id STRING NOT NULL OPTIONS (description = 'Tenant at ServiceTitan'),
  project_id STRING NOT NULL OPTIONS (description = 'Its Google Cloud project, and no other company\'s'),
  location STRING OPTIONS (description = 'Location of its datasets'),
  enabled BOOL OPTIONS (description = 'FALSE leaves the company out'),
  streams ARRAY<STRING> OPTIONS (description = 'Meltano\'s selection patterns; none means the default selection'),
  timeout_minutes FLOAT64 OPTIONS (description = 'How long it may take'),
  secrets STRUCT<client_id STRING, client_secret STRING, app_key STRING> NOT NULL
    OPTIONS (description = 'Where its secrets are, never what they are: secret://projects/P/secrets/S/versions/V'),
  tap JSON OPTIONS (description = 'More settings of the tap'),
  target JSON OPTIONS (description = 'More settings of the target'),
  PRIMARY KEY (company_id) NOT ENFORCED
)
OPTIONS (description = 'The companies of the fleet, one a row');
