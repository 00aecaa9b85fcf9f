UPDATE `co-1.bronze.jobs` AS _etl_t
SET `_etl_operation` = IFNULL(`_etl_operation`, IF(SAFE_CAST(_etl_t.`_sdc_deleted_at` AS TIMESTAMP) > TIMESTAMP '1970-01-01 00:00:00+00' AND SAFE_CAST(_etl_t.`_sdc_deleted_at` AS TIMESTAMP) < TIMESTAMP '9999-01-01 00:00:00+00', 'DELETE', 'INSERT')), `_etl_synced` = IFNULL(`_etl_synced`, @synced)
WHERE (`_etl_operation` IS NULL OR `_etl_synced` IS NULL) AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE)
