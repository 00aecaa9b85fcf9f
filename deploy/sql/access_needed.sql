SELECT
  project_id,
  IFNULL(NULLIF(location, ''), 'US') AS location,
  secrets.client_id,
  secrets.client_secret,
  secrets.app_key
FROM `${PROJECT_ID}.settings.companies`
WHERE IFNULL(enabled, TRUE)
ORDER BY project_id
