MERGE `co-1.bronze.jobs` AS _etl_t
USING (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`) REPLACE (
      IF(_etl_s.`address` IS NULL, NULL, STRUCT(ARRAY<STRING>[] AS `lines`, _etl_s.`address`.`unit` AS `unit`, _etl_s.`address`.`street` AS `street`)) AS `address`,
      ARRAY(SELECT IF(_etl_item_1 IS NULL, NULL, STRUCT(_etl_item_1.`Unit` AS `Unit`, CAST(NULL AS DATE) AS `gone`, _etl_item_1.`street` AS `street`)) FROM UNNEST(_etl_s.`items`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `items`
    )
  FROM (
    SELECT
      CAST(JSON_VALUE(_etl_r, '$[0]') AS INT64) AS `id`,
      IF(JSON_VALUE(_etl_r, '$[1][0]') IS NULL, NULL, STRUCT(JSON_VALUE(_etl_r, '$[1][1]') AS `street`, CAST(JSON_VALUE(_etl_r, '$[1][2]') AS INT64) AS `unit`)) AS `address`,
      ARRAY(SELECT IF(JSON_VALUE(_etl_item_1, '$[0]') IS NULL, NULL, STRUCT(JSON_VALUE(_etl_item_1, '$[1]') AS `street`, CAST(JSON_VALUE(_etl_item_1, '$[2]') AS INT64) AS `unit`)) FROM UNNEST(JSON_QUERY_ARRAY(_etl_r, '$[2]')) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `items`,
      IFNULL(JSON_VALUE(_etl_r, '$[3]') = '1', FALSE) AS `_etl_deleted`,
      _etl_position AS `_etl_sequence`
    FROM UNNEST(JSON_QUERY_ARRAY(PARSE_JSON(@rows))) AS _etl_r WITH OFFSET AS _etl_position
  ) AS _etl_s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
) AS _etl_s
ON _etl_t.`id` = _etl_s.`id`
WHEN MATCHED AND IF(_etl_s.`_etl_deleted` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE', IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
WHEN MATCHED AND IF(NOT _etl_s.`_etl_deleted` AND (
  _etl_t.`_etl_operation` = 'DELETE'
  OR TO_JSON_STRING(IF(_etl_t.`address` IS NULL, NULL, STRUCT(_etl_t.`address`.`unit` AS `unit`, _etl_t.`address`.`street` AS `street`))) IS DISTINCT FROM TO_JSON_STRING(IF(_etl_s.`address` IS NULL, NULL, STRUCT(_etl_s.`address`.`unit` AS `unit`, _etl_s.`address`.`street` AS `street`)))
  OR TO_JSON_STRING(ARRAY(SELECT IF(_etl_item_1 IS NULL, NULL, STRUCT(_etl_item_1.`Unit` AS `Unit`, _etl_item_1.`street` AS `street`)) FROM UNNEST(_etl_t.`items`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1)) IS DISTINCT FROM TO_JSON_STRING(ARRAY(SELECT IF(_etl_item_1 IS NULL, NULL, STRUCT(_etl_item_1.`Unit` AS `Unit`, _etl_item_1.`street` AS `street`)) FROM UNNEST(_etl_s.`items`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1))
), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET
    `address` = IF(_etl_s.`address` IS NULL, NULL, STRUCT(_etl_t.`address`.`lines` AS `lines`, _etl_s.`address`.`unit` AS `unit`, _etl_s.`address`.`street` AS `street`)),
    `items` = _etl_s.`items`,
    `_etl_operation` = 'UPDATE',
    `_etl_synced` = @synced
WHEN NOT MATCHED BY TARGET AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) THEN
  INSERT (`id`, `address`, `items`, `_etl_operation`, `_etl_synced`)
  VALUES (_etl_s.`id`, _etl_s.`address`, _etl_s.`items`, IF(_etl_s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced)
WHEN NOT MATCHED BY SOURCE AND IF(_etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE', IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
