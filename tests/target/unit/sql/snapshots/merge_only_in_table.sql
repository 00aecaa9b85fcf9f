MERGE `co-1.bronze.jobs` AS t
USING (
  SELECT
    s.`id` AS `id`,
    IF(s.`address` IS NULL, NULL, STRUCT(s.`address`.`street` AS `street`, s.`address`.`unit` AS `unit`, ARRAY<STRING>[] AS `lines`, IF(s.`address`.`geo` IS NULL, NULL, STRUCT(s.`address`.`geo`.`LAT` AS `LAT`, CAST(NULL AS BYTES) AS `id`)) AS `geo`, CAST(NULL AS DATETIME) AS `since`)) AS `address`,
    ARRAY(SELECT IF(item_1 IS NULL, NULL, STRUCT(CAST(NULL AS STRUCT<`id` GEOGRAPHY>) AS `spans`, item_1.`street` AS `street`, item_1.`unit` AS `unit`)) FROM UNNEST(s.`items`) AS item_1 WITH OFFSET AS position_1 ORDER BY position_1) AS `items`,
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
  OR TO_JSON_STRING(IF(t.`address` IS NULL, NULL, STRUCT(t.`address`.`street` AS `street`, t.`address`.`unit` AS `unit`, IF(t.`address`.`geo` IS NULL, NULL, STRUCT(t.`address`.`geo`.`LAT` AS `LAT`)) AS `geo`))) IS DISTINCT FROM TO_JSON_STRING(IF(s.`address` IS NULL, NULL, STRUCT(s.`address`.`street` AS `street`, s.`address`.`unit` AS `unit`, IF(s.`address`.`geo` IS NULL, NULL, STRUCT(s.`address`.`geo`.`LAT` AS `LAT`)) AS `geo`)))
  OR TO_JSON_STRING(ARRAY(SELECT IF(item_1 IS NULL, NULL, STRUCT(item_1.`street` AS `street`, item_1.`unit` AS `unit`)) FROM UNNEST(t.`items`) AS item_1 WITH OFFSET AS position_1 ORDER BY position_1)) IS DISTINCT FROM TO_JSON_STRING(ARRAY(SELECT IF(item_1 IS NULL, NULL, STRUCT(item_1.`street` AS `street`, item_1.`unit` AS `unit`)) FROM UNNEST(s.`items`) AS item_1 WITH OFFSET AS position_1 ORDER BY position_1))
), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(t.`_etl_synced` > @began AND t.`_etl_synced` NOT IN UNNEST(@own_times) AND t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET
    `address` = IF(s.`address` IS NULL, NULL, STRUCT(s.`address`.`street` AS `street`, s.`address`.`unit` AS `unit`, t.`address`.`lines` AS `lines`, IF(s.`address`.`geo` IS NULL, NULL, STRUCT(s.`address`.`geo`.`LAT` AS `LAT`, t.`address`.`geo`.`id` AS `id`)) AS `geo`, t.`address`.`since` AS `since`)),
    `items` = s.`items`,
    `_etl_operation` = 'UPDATE',
    `_etl_synced` = @synced
WHEN NOT MATCHED BY TARGET AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) THEN
  INSERT (`id`, `address`, `items`, `_etl_operation`, `_etl_synced`)
  VALUES (s.`id`, s.`address`, s.`items`, IF(s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced)
