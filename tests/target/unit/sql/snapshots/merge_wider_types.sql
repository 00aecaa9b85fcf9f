MERGE `co-1.bronze.jobs` AS t
USING (
  SELECT
    CAST(s.`id` AS NUMERIC) AS `id`,
    CAST(s.`amount` AS FLOAT64) AS `amount`,
    CAST(s.`rate` AS BIGNUMERIC) AS `rate`,
    ARRAY(SELECT CAST(item_1 AS NUMERIC) FROM UNNEST(s.`counts`) AS item_1 WITH OFFSET AS position_1 ORDER BY position_1) AS `counts`,
    IF(s.`address` IS NULL, NULL, STRUCT(s.`address`.`street` AS `street`, CAST(s.`address`.`unit` AS FLOAT64) AS `unit`)) AS `address`,
    s.`_etl_deleted`
  FROM `co-1.staging.jobs__r1_3` AS s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY s.`id` ORDER BY s.`_etl_sequence` DESC) = 1
) AS s
ON t.`id` = s.`id`
WHEN MATCHED AND IF(s.`_etl_deleted` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE', IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(t.`_etl_synced` > @began AND t.`_etl_synced` NOT IN UNNEST(@own_times) AND t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
WHEN MATCHED AND IF(NOT s.`_etl_deleted` AND (
  t.`_etl_operation` = 'DELETE'
  OR t.`amount` IS DISTINCT FROM s.`amount`
  OR t.`rate` IS DISTINCT FROM s.`rate`
  OR TO_JSON_STRING(IFNULL(t.`counts`, [])) IS DISTINCT FROM TO_JSON_STRING(IFNULL(s.`counts`, []))
  OR TO_JSON_STRING(t.`address`) IS DISTINCT FROM TO_JSON_STRING(s.`address`)
), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(t.`_etl_synced` > @began AND t.`_etl_synced` NOT IN UNNEST(@own_times) AND t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET
    `amount` = s.`amount`,
    `rate` = s.`rate`,
    `counts` = s.`counts`,
    `address` = s.`address`,
    `_etl_operation` = 'UPDATE',
    `_etl_synced` = @synced
WHEN NOT MATCHED BY TARGET AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) THEN
  INSERT (`id`, `amount`, `rate`, `counts`, `address`, `_etl_operation`, `_etl_synced`)
  VALUES (s.`id`, s.`amount`, s.`rate`, s.`counts`, s.`address`, IF(s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced)
