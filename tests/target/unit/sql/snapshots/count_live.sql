SELECT COUNTIF(t.`_etl_operation` IS DISTINCT FROM 'DELETE') AS live FROM `co-1.bronze.jobs` AS t
