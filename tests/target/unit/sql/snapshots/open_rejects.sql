SELECT DISTINCT table_name, record_key
FROM `co-1.management.etl_rejected_records`
WHERE open AND record_key IS NOT NULL
