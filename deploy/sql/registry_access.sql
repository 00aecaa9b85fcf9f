-- The job may read the registry, but not change it.
GRANT `roles/bigquery.dataViewer` ON SCHEMA `${PROJECT_ID}.settings` TO 'serviceAccount:${RUNNER}';
