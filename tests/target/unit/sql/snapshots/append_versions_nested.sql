MERGE `co-1.bronze.jobs_history` AS _etl_h
USING (
  SELECT
    _etl_t.`id`,
    _etl_t.`address`,
    _etl_t.`custom`,
    _etl_t.`tags`,
    _etl_t.`items`,
    _etl_t.`_etl_operation`,
    _etl_t.`_etl_synced`,
    `_etl_is_new`
  FROM `co-1.bronze.jobs` AS _etl_t
  LEFT JOIN `co-1.bronze.jobs_history` AS _etl_c ON _etl_t.`id` = _etl_c.`id` AND _etl_c.`_valid_to` IS NULL
  CROSS JOIN UNNEST([FALSE, TRUE]) AS `_etl_is_new`
  WHERE _etl_t.`_etl_synced` IS NOT NULL
    AND _etl_c.`_valid_from` IS DISTINCT FROM _etl_t.`_etl_synced`
) AS _etl_s
ON _etl_h.`id` = _etl_s.`id` AND _etl_h.`_valid_to` IS NULL AND NOT _etl_s.`_etl_is_new`
WHEN MATCHED THEN
  UPDATE SET `_valid_to` = _etl_s.`_etl_synced`
WHEN NOT MATCHED BY TARGET AND _etl_s.`_etl_is_new` THEN
  INSERT (`id`, `address`, `custom`, `tags`, `items`, `_etl_operation`, `_etl_synced`, `_valid_from`, `_valid_to`)
  VALUES (_etl_s.`id`, _etl_s.`address`, _etl_s.`custom`, _etl_s.`tags`, _etl_s.`items`, _etl_s.`_etl_operation`, _etl_s.`_etl_synced`, _etl_s.`_etl_synced`, CAST(NULL AS TIMESTAMP))
