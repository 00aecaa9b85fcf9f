UPDATE `co-1.bronze.jobs` AS t
SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
WHERE t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND (t.`_PARTITIONTIME` IS NULL OR t.`_PARTITIONTIME` IS NOT NULL)
