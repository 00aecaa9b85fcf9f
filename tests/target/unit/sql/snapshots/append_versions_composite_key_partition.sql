MERGE `co-1.bronze.jobs_history` AS h
USING (
  SELECT
    t.`day`,
    t.`group`,
    t.`weight`,
    t.`name`,
    t.`_etl_operation`,
    t.`_etl_synced`,
    `_etl_is_new`
  FROM `co-1.bronze.jobs` AS t
  LEFT JOIN `co-1.bronze.jobs_history` AS c ON t.`group` = c.`group` AND t.`day` = c.`day` AND t.`weight` = c.`weight` AND c.`_valid_to` IS NULL
  CROSS JOIN UNNEST([FALSE, TRUE]) AS `_etl_is_new`
  WHERE c.`_valid_from` IS DISTINCT FROM t.`_etl_synced` AND (t.`day` IS NULL OR t.`day` IS NOT NULL)
) AS s
ON h.`group` = s.`group` AND h.`day` = s.`day` AND h.`weight` = s.`weight` AND h.`_valid_to` IS NULL AND NOT s.`_etl_is_new`
WHEN MATCHED THEN
  UPDATE SET `_valid_to` = s.`_etl_synced`
WHEN NOT MATCHED BY TARGET AND s.`_etl_is_new` THEN
  INSERT (`day`, `group`, `weight`, `name`, `_etl_operation`, `_etl_synced`, `_valid_from`, `_valid_to`)
  VALUES (s.`day`, s.`group`, s.`weight`, s.`name`, s.`_etl_operation`, s.`_etl_synced`, s.`_etl_synced`, CAST(NULL AS TIMESTAMP))
