MERGE `co-1.bronze.jobs_history` AS _etl_h
USING (
  SELECT
    _etl_t.`day`,
    _etl_t.`group`,
    _etl_t.`weight`,
    _etl_t.`name`,
    _etl_t.`_etl_operation`,
    _etl_t.`_etl_synced`,
    `_etl_is_new`
  FROM `co-1.bronze.jobs` AS _etl_t
  LEFT JOIN `co-1.bronze.jobs_history` AS _etl_c ON _etl_t.`group` = _etl_c.`group` AND _etl_t.`day` = _etl_c.`day` AND _etl_t.`weight` = _etl_c.`weight` AND _etl_c.`_valid_to` IS NULL
  CROSS JOIN UNNEST([FALSE, TRUE]) AS `_etl_is_new`
  WHERE _etl_t.`_etl_synced` IS NOT NULL
    AND _etl_c.`_valid_from` IS DISTINCT FROM _etl_t.`_etl_synced` AND (_etl_t.`day` IS NULL OR _etl_t.`day` IS NOT NULL)
) AS _etl_s
ON _etl_h.`group` = _etl_s.`group` AND _etl_h.`day` = _etl_s.`day` AND _etl_h.`weight` = _etl_s.`weight` AND _etl_h.`_valid_to` IS NULL AND NOT _etl_s.`_etl_is_new`
WHEN MATCHED THEN
  UPDATE SET `_valid_to` = _etl_s.`_etl_synced`
WHEN NOT MATCHED BY TARGET AND _etl_s.`_etl_is_new` THEN
  INSERT (`day`, `group`, `weight`, `name`, `_etl_operation`, `_etl_synced`, `_valid_from`, `_valid_to`)
  VALUES (_etl_s.`day`, _etl_s.`group`, _etl_s.`weight`, _etl_s.`name`, _etl_s.`_etl_operation`, _etl_s.`_etl_synced`, _etl_s.`_etl_synced`, CAST(NULL AS TIMESTAMP))
