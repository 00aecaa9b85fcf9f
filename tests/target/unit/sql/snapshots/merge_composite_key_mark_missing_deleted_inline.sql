MERGE `co-1.bronze.jobs` AS _etl_t
USING (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`)
  FROM (
    SELECT
      CAST(JSON_VALUE(_etl_r, '$[0]') AS DATE) AS `day`,
      JSON_VALUE(_etl_r, '$[1]') AS `group`,
      CAST(JSON_VALUE(_etl_r, '$[2]') AS FLOAT64) AS `weight`,
      JSON_VALUE(_etl_r, '$[3]') AS `name`,
      IFNULL(JSON_VALUE(_etl_r, '$[4]') = '1', FALSE) AS `_etl_deleted`,
      _etl_position AS `_etl_sequence`
    FROM UNNEST(JSON_QUERY_ARRAY(PARSE_JSON(@rows))) AS _etl_r WITH OFFSET AS _etl_position
  ) AS _etl_s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`group`, _etl_s.`day`, CAST(_etl_s.`weight` + 0 AS STRING) ORDER BY _etl_s.`_etl_sequence` DESC) = 1
) AS _etl_s
ON _etl_t.`group` = _etl_s.`group` AND _etl_t.`day` = _etl_s.`day` AND _etl_t.`weight` = _etl_s.`weight`
WHEN MATCHED AND IF(_etl_s.`_etl_deleted` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE', IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
WHEN MATCHED AND IF(NOT _etl_s.`_etl_deleted` AND (
  _etl_t.`_etl_operation` = 'DELETE'
  OR _etl_t.`name` IS DISTINCT FROM _etl_s.`name`
), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET
    `name` = _etl_s.`name`,
    `_etl_operation` = 'UPDATE',
    `_etl_synced` = @synced
WHEN NOT MATCHED BY TARGET AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) THEN
  INSERT (`day`, `group`, `weight`, `name`, `_etl_operation`, `_etl_synced`)
  VALUES (_etl_s.`day`, _etl_s.`group`, _etl_s.`weight`, _etl_s.`name`, IF(_etl_s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced)
WHEN NOT MATCHED BY SOURCE AND IF(_etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE', IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
