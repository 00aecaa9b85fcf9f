UPDATE `co-1.management.etl_rejected_records`
SET open = FALSE
WHERE open AND CONCAT(table_name, '\n', record_key) IN UNNEST(@entries)
