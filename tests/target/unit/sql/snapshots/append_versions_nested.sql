MERGE `co-1.bronze.jobs_history` AS h
USING (
  SELECT
    t.`id`,
    t.`address`,
    t.`custom`,
    t.`tags`,
    t.`items`,
    t.`_etl_operation`,
    t.`_etl_synced`,
    `_etl_is_new`
  FROM `co-1.bronze.jobs` AS t
  LEFT JOIN `co-1.bronze.jobs_history` AS c ON t.`id` = c.`id` AND c.`_valid_to` IS NULL
  CROSS JOIN UNNEST([FALSE, TRUE]) AS `_etl_is_new`
  WHERE c.`_valid_from` IS DISTINCT FROM t.`_etl_synced`
) AS s
ON h.`id` = s.`id` AND h.`_valid_to` IS NULL AND NOT s.`_etl_is_new`
WHEN MATCHED THEN
  UPDATE SET `_valid_to` = s.`_etl_synced`
WHEN NOT MATCHED BY TARGET AND s.`_etl_is_new` THEN
  INSERT (`id`, `address`, `custom`, `tags`, `items`, `_etl_operation`, `_etl_synced`, `_valid_from`, `_valid_to`)
  VALUES (s.`id`, s.`address`, s.`custom`, s.`tags`, s.`items`, s.`_etl_operation`, s.`_etl_synced`, s.`_etl_synced`, CAST(NULL AS TIMESTAMP))
