MERGE `co-1.bronze.jobs` AS t
USING (
  SELECT
    s.`id` AS `id`,
    s.`_etl_deleted`
  FROM `co-1.staging.jobs__r1_3` AS s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY s.`id` ORDER BY s.`_etl_sequence` DESC) = 1
) AS s
ON t.`id` = s.`id`
WHEN MATCHED AND s.`_etl_deleted` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
WHEN MATCHED AND NOT s.`_etl_deleted` AND (
  t.`_etl_operation` = 'DELETE'
) THEN
  UPDATE SET
    `_etl_operation` = 'UPDATE',
    `_etl_synced` = @synced
WHEN NOT MATCHED BY TARGET THEN
  INSERT (`id`, `_etl_operation`, `_etl_synced`)
  VALUES (s.`id`, IF(s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced)
