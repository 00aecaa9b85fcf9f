UPDATE `co-1.bronze.jobs` AS _etl_t
SET `_etl_operation` = IFNULL(`_etl_operation`, 'INSERT'), `_etl_synced` = IFNULL(`_etl_synced`, @synced)
WHERE (`_etl_operation` IS NULL OR `_etl_synced` IS NULL) AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE)
