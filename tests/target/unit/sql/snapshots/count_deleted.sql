SELECT COUNT(*) AS deleted
FROM `co-1.bronze.jobs` AS _etl_t
WHERE `_etl_operation` = 'DELETE' AND `_etl_synced` >= @since AND `_etl_synced` < @began
