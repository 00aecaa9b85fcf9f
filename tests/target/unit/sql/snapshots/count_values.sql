SELECT COUNT(_etl_t.`custom`) AS `custom`, COUNT(_etl_t.`tags`) AS `tags` FROM `co-1.bronze.jobs` AS _etl_t WHERE (_etl_t.`_PARTITIONTIME` IS NULL OR _etl_t.`_PARTITIONTIME` IS NOT NULL)
