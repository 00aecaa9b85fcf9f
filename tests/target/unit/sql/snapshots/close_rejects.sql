UPDATE `co-1.management.etl_rejected_records`
SET open = FALSE
WHERE open AND table_name = @table_name AND record_key IN UNNEST(@record_keys)
