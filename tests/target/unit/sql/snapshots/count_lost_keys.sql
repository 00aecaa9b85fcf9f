SELECT COUNTIF(SAFE_CAST(CAST(_etl_t.`id` AS FLOAT64) AS INT64) IS DISTINCT FROM _etl_t.`id`) AS lost FROM `co-1.bronze.jobs` AS _etl_t
