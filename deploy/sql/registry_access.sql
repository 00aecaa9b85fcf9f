-- The job reads the registry and changes nothing in it.
GRANT `roles/bigquery.dataViewer` ON SCHEMA `${PROJECT_ID}.settings` TO 'serviceAccount:${RUNNER}';
