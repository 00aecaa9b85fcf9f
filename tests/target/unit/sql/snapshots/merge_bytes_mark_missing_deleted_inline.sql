MERGE `co-1.bronze.jobs` AS _etl_t
USING (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`) REPLACE (
      FROM_BASE64(_etl_s.`file`) AS `file`,
      ARRAY(SELECT FROM_BASE64(_etl_item_1) FROM UNNEST(_etl_s.`parts`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `parts`,
      IF(_etl_s.`doc` IS NULL, NULL, STRUCT(FROM_BASE64(_etl_s.`doc`.`file`) AS `file`)) AS `doc`
    )
  FROM (
    SELECT
      CAST(JSON_VALUE(_etl_r, '$[0]') AS INT64) AS `id`,
      JSON_VALUE(_etl_r, '$[1]') AS `file`,
      JSON_VALUE(_etl_r, '$[2]') AS `text`,
      ARRAY(SELECT JSON_VALUE(_etl_item_1, '$') FROM UNNEST(JSON_QUERY_ARRAY(_etl_r, '$[3]')) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `parts`,
      IF(JSON_VALUE(_etl_r, '$[4][0]') IS NULL, NULL, STRUCT(JSON_VALUE(_etl_r, '$[4][1]') AS `file`)) AS `doc`,
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
  OR _etl_t.`file` IS DISTINCT FROM _etl_s.`file`
  OR _etl_t.`text` IS DISTINCT FROM _etl_s.`text`
  OR TO_JSON_STRING(IFNULL(_etl_t.`parts`, [])) IS DISTINCT FROM TO_JSON_STRING(IFNULL(_etl_s.`parts`, []))
  OR TO_JSON_STRING(_etl_t.`doc`) IS DISTINCT FROM TO_JSON_STRING(_etl_s.`doc`)
), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET
    `file` = _etl_s.`file`,
    `text` = _etl_s.`text`,
    `parts` = _etl_s.`parts`,
    `doc` = _etl_s.`doc`,
    `_etl_operation` = 'UPDATE',
    `_etl_synced` = @synced
WHEN NOT MATCHED BY TARGET AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) THEN
  INSERT (`id`, `file`, `text`, `parts`, `doc`, `_etl_operation`, `_etl_synced`)
  VALUES (_etl_s.`id`, _etl_s.`file`, _etl_s.`text`, _etl_s.`parts`, _etl_s.`doc`, IF(_etl_s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced)
WHEN NOT MATCHED BY SOURCE AND IF(_etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE', IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
