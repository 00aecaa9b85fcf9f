SELECT
  *,
  (
    SELECT COUNT(*)
    FROM `co-1.bronze.jobs` AS _etl_row
    LEFT JOIN `co-1.bronze.jobs_history` AS _etl_version
    ON _etl_row.`group` = _etl_version.`group` AND _etl_row.`day` = _etl_version.`day` AND _etl_version.`_valid_to` IS NULL
    WHERE _etl_version.`_valid_from` IS DISTINCT FROM _etl_row.`_etl_synced` AND (_etl_row.`day` IS NULL OR _etl_row.`day` IS NOT NULL)
  ) AS unversioned
FROM (
  SELECT COUNTIF(t.`_etl_operation` IS DISTINCT FROM 'DELETE') AS live FROM `co-1.bronze.jobs` AS t WHERE (t.`day` IS NULL OR t.`day` IS NOT NULL)
)
