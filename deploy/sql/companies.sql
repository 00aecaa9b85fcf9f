-- The registry of companies. docs/reference/fleet.md describes the fields. deploy.sh replaces the placeholders in braces.
CREATE SCHEMA IF NOT EXISTS `${PROJECT_ID}.settings`
OPTIONS (location = '${BIGQUERY_LOCATION}', description = 'Settings of the fleet');

CREATE TABLE IF NOT EXISTS `${PROJECT_ID}.settings.companies` (
  company_id STRING NOT NULL OPTIONS (description = 'Short name; it must never change, because the state is stored under it'),
  company_name STRING OPTIONS (description = 'Display name'),
  tenant_id STRING NOT NULL OPTIONS (description = 'ServiceTitan tenant'),
  project_id STRING NOT NULL OPTIONS (description = 'Its Google Cloud project; no other company may use it'),
  location STRING OPTIONS (description = 'Location of its datasets'),
  enabled BOOL OPTIONS (description = 'FALSE excludes the company from runs'),
  streams ARRAY<STRING> OPTIONS (description = 'Meltano selection patterns; empty means the default selection'),
  timeout_minutes FLOAT64 OPTIONS (description = 'Time limit of its run'),
  secrets STRUCT<client_id STRING, client_secret STRING, app_key STRING> NOT NULL
    OPTIONS (description = 'References to its secrets, never the secrets themselves: secret://projects/P/secrets/S/versions/V'),
  tap JSON OPTIONS (description = 'Further settings of the tap; pii_salt is a reference, as in secrets'),
  target JSON OPTIONS (description = 'Further settings of the target'),
  notify JSON OPTIONS (description = 'More channels for its alerts: a list, as docs/how-to/notify.md describes it'),
  PRIMARY KEY (company_id) NOT ENFORCED
)
OPTIONS (description = 'The companies of the fleet, one row per company');

-- Tables of earlier versions have no such column.
ALTER TABLE `${PROJECT_ID}.settings.companies` ADD COLUMN IF NOT EXISTS notify JSON;
