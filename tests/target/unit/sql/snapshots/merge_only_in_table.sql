MERGE `co-1.bronze.jobs` AS _etl_t
USING (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`) REPLACE (
      IF(_etl_s.`address` IS NULL, NULL, STRUCT(_etl_s.`address`.`street` AS `street`, _etl_s.`address`.`unit` AS `unit`, ARRAY<STRING>[] AS `lines`, IF(_etl_s.`address`.`geo` IS NULL, NULL, STRUCT(_etl_s.`address`.`geo`.`LAT` AS `LAT`, CAST(NULL AS BYTES) AS `id`)) AS `geo`, CAST(NULL AS DATETIME) AS `since`)) AS `address`,
      ARRAY(SELECT IF(_etl_item_1 IS NULL, NULL, STRUCT(CAST(NULL AS STRUCT<`id` GEOGRAPHY>) AS `spans`, _etl_item_1.`street` AS `street`, _etl_item_1.`unit` AS `unit`)) FROM UNNEST(_etl_s.`items`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `items`
    )
  FROM `co-1.staging.jobs__r1_3` AS _etl_s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
) AS _etl_s
ON _etl_t.`id` = _etl_s.`id`
WHEN MATCHED AND IF(_etl_s.`_etl_deleted` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE', IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
WHEN MATCHED AND IF(NOT _etl_s.`_etl_deleted` AND (
  _etl_t.`_etl_operation` = 'DELETE'
  OR TO_JSON_STRING(IF(_etl_t.`address` IS NULL, NULL, STRUCT(_etl_t.`address`.`street` AS `street`, _etl_t.`address`.`unit` AS `unit`, IF(_etl_t.`address`.`geo` IS NULL, NULL, STRUCT(_etl_t.`address`.`geo`.`LAT` AS `LAT`)) AS `geo`))) IS DISTINCT FROM TO_JSON_STRING(IF(_etl_s.`address` IS NULL, NULL, STRUCT(_etl_s.`address`.`street` AS `street`, _etl_s.`address`.`unit` AS `unit`, IF(_etl_s.`address`.`geo` IS NULL, NULL, STRUCT(_etl_s.`address`.`geo`.`LAT` AS `LAT`)) AS `geo`)))
  OR TO_JSON_STRING(ARRAY(SELECT IF(_etl_item_1 IS NULL, NULL, STRUCT(_etl_item_1.`street` AS `street`, _etl_item_1.`unit` AS `unit`)) FROM UNNEST(_etl_t.`items`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1)) IS DISTINCT FROM TO_JSON_STRING(ARRAY(SELECT IF(_etl_item_1 IS NULL, NULL, STRUCT(_etl_item_1.`street` AS `street`, _etl_item_1.`unit` AS `unit`)) FROM UNNEST(_etl_s.`items`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1))
), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET
    `address` = IF(_etl_s.`address` IS NULL, NULL, STRUCT(_etl_s.`address`.`street` AS `street`, _etl_s.`address`.`unit` AS `unit`, _etl_t.`address`.`lines` AS `lines`, IF(_etl_s.`address`.`geo` IS NULL, NULL, STRUCT(_etl_s.`address`.`geo`.`LAT` AS `LAT`, _etl_t.`address`.`geo`.`id` AS `id`)) AS `geo`, _etl_t.`address`.`since` AS `since`)),
    `items` = _etl_s.`items`,
    `_etl_operation` = 'UPDATE',
    `_etl_synced` = @synced
WHEN NOT MATCHED BY TARGET AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) THEN
  INSERT (`id`, `address`, `items`, `_etl_operation`, `_etl_synced`)
  VALUES (_etl_s.`id`, _etl_s.`address`, _etl_s.`items`, IF(_etl_s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced)
