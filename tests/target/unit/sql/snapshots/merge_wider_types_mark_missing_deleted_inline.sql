MERGE `co-1.bronze.jobs` AS _etl_t
USING (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`) REPLACE (
      CAST(_etl_s.`id` AS NUMERIC) AS `id`,
      CAST(_etl_s.`amount` AS FLOAT64) AS `amount`,
      CAST(_etl_s.`rate` AS BIGNUMERIC) AS `rate`,
      ARRAY(SELECT CAST(_etl_item_1 AS NUMERIC) FROM UNNEST(_etl_s.`counts`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `counts`,
      IF(_etl_s.`address` IS NULL, NULL, STRUCT(_etl_s.`address`.`street` AS `street`, CAST(_etl_s.`address`.`unit` AS FLOAT64) AS `unit`)) AS `address`
    )
  FROM (
    SELECT
      CAST(JSON_VALUE(_etl_r, '$[0]') AS INT64) AS `id`,
      CAST(JSON_VALUE(_etl_r, '$[1]') AS INT64) AS `amount`,
      CAST(JSON_VALUE(_etl_r, '$[2]') AS NUMERIC) AS `rate`,
      ARRAY(SELECT CAST(JSON_VALUE(_etl_item_1, '$') AS INT64) FROM UNNEST(JSON_QUERY_ARRAY(_etl_r, '$[3]')) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `counts`,
      IF(JSON_VALUE(_etl_r, '$[4][0]') IS NULL, NULL, STRUCT(JSON_VALUE(_etl_r, '$[4][1]') AS `street`, CAST(JSON_VALUE(_etl_r, '$[4][2]') AS INT64) AS `unit`)) AS `address`,
      IFNULL(JSON_VALUE(_etl_r, '$[5]') = '1', FALSE) AS `_etl_deleted`,
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
  OR _etl_t.`amount` IS DISTINCT FROM _etl_s.`amount`
  OR _etl_t.`rate` IS DISTINCT FROM _etl_s.`rate`
  OR TO_JSON_STRING(IFNULL(_etl_t.`counts`, [])) IS DISTINCT FROM TO_JSON_STRING(IFNULL(_etl_s.`counts`, []))
  OR TO_JSON_STRING(_etl_t.`address`) IS DISTINCT FROM TO_JSON_STRING(_etl_s.`address`)
), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET
    `amount` = _etl_s.`amount`,
    `rate` = _etl_s.`rate`,
    `counts` = _etl_s.`counts`,
    `address` = _etl_s.`address`,
    `_etl_operation` = 'UPDATE',
    `_etl_synced` = @synced
WHEN NOT MATCHED BY TARGET AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) THEN
  INSERT (`id`, `amount`, `rate`, `counts`, `address`, `_etl_operation`, `_etl_synced`)
  VALUES (_etl_s.`id`, _etl_s.`amount`, _etl_s.`rate`, _etl_s.`counts`, _etl_s.`address`, IF(_etl_s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced)
WHEN NOT MATCHED BY SOURCE AND IF(_etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE', IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
