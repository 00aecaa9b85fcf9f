SELECT
  company_id,
  project_id,
  IFNULL(NULLIF(location, ''), 'US') AS location,
  secrets.client_id,
  secrets.client_secret,
  secrets.app_key,
  IFNULL(JSON_VALUE(tap, '$.pii_salt'), '') AS pii_salt,
  IFNULL(JSON_VALUE(target, '$.impersonate_service_account'), '') AS account,
  IFNULL(ARRAY_TO_STRING(REGEXP_EXTRACT_ALL(TO_JSON_STRING(notify), r'secret://[^"]+'), ' '), '') AS notify
FROM `${PROJECT_ID}.settings.companies`
WHERE IFNULL(enabled, TRUE)
ORDER BY company_id
