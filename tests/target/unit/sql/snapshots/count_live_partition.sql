SELECT COUNTIF(_etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE') AS live FROM `co-1.bronze.jobs` AS _etl_t WHERE (_etl_t.`_PARTITIONTIME` IS NULL OR _etl_t.`_PARTITIONTIME` IS NOT NULL)
