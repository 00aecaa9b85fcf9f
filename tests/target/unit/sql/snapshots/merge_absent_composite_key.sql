MERGE `co-1.bronze.jobs` AS _etl_t
USING (
  SELECT
    FIRST_VALUE(IF(SUBSTR(_etl_s.`_etl_absent`, 1, 1) = '1', NULL, STRUCT(_etl_s.`day` AS value)) IGNORE NULLS) OVER _etl_latest AS `day`,
    _etl_s.`group` AS `group`,
    _etl_s.`weight` AS `weight`,
    FIRST_VALUE(IF(SUBSTR(_etl_s.`_etl_absent`, 4, 1) = '1', NULL, STRUCT(_etl_s.`name` AS value)) IGNORE NULLS) OVER _etl_latest AS `name`,
    _etl_s.`_etl_deleted`
  FROM `co-1.staging.jobs__r1_3` AS _etl_s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`group`, CAST(_etl_s.`weight` + 0 AS STRING) ORDER BY _etl_s.`_etl_sequence` DESC) = 1
  WINDOW _etl_latest AS (PARTITION BY _etl_s.`group`, CAST(_etl_s.`weight` + 0 AS STRING) ORDER BY _etl_s.`_etl_sequence` DESC ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
) AS _etl_s
ON _etl_t.`group` = _etl_s.`group` AND _etl_t.`weight` = _etl_s.`weight`
WHEN MATCHED AND IF(_etl_s.`_etl_deleted` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE', IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
WHEN MATCHED AND IF(NOT _etl_s.`_etl_deleted` AND (
  _etl_t.`_etl_operation` = 'DELETE'
  OR _etl_s.`day` IS NOT NULL AND _etl_t.`day` IS DISTINCT FROM _etl_s.`day`.value
  OR _etl_s.`name` IS NOT NULL AND _etl_t.`name` IS DISTINCT FROM _etl_s.`name`.value
), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET
    `day` = IF(_etl_s.`day` IS NULL, _etl_t.`day`, _etl_s.`day`.value),
    `name` = IF(_etl_s.`name` IS NULL, _etl_t.`name`, _etl_s.`name`.value),
    `_etl_operation` = 'UPDATE',
    `_etl_synced` = @synced
WHEN NOT MATCHED BY TARGET AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) THEN
  INSERT (`day`, `group`, `weight`, `name`, `_etl_operation`, `_etl_synced`)
  VALUES (_etl_s.`day`.value, _etl_s.`group`, _etl_s.`weight`, _etl_s.`name`.value, IF(_etl_s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced)
