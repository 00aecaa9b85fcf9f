MERGE `co-1.bronze.jobs` AS _etl_t
USING (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`)
  FROM (
    SELECT
      CAST(JSON_VALUE(_etl_r, '$[0]') AS INT64) AS `id`,
      JSON_VALUE(_etl_r, '$[1]') AS `name`,
      CAST(JSON_VALUE(_etl_r, '$[2]') AS BOOL) AS `active`,
      CAST(JSON_VALUE(_etl_r, '$[3]') AS NUMERIC) AS `price`,
      CAST(JSON_VALUE(_etl_r, '$[4]') AS BIGNUMERIC) AS `rate`,
      CAST(JSON_VALUE(_etl_r, '$[5]') AS FLOAT64) AS `distance`,
      TIMESTAMP_MICROS(CAST(JSON_VALUE(_etl_r, '$[6]') AS INT64)) AS `modified_on`,
      CAST(JSON_VALUE(_etl_r, '$[7]') AS DATE) AS `day`,
      CAST(JSON_VALUE(_etl_r, '$[8]') AS TIME) AS `end`,
      IFNULL(JSON_VALUE(_etl_r, '$[9]') = '1', FALSE) AS `_etl_deleted`,
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
  OR _etl_t.`name` IS DISTINCT FROM _etl_s.`name`
  OR _etl_t.`active` IS DISTINCT FROM _etl_s.`active`
  OR _etl_t.`price` IS DISTINCT FROM _etl_s.`price`
  OR _etl_t.`rate` IS DISTINCT FROM _etl_s.`rate`
  OR _etl_t.`distance` IS DISTINCT FROM _etl_s.`distance`
  OR _etl_t.`modified_on` IS DISTINCT FROM _etl_s.`modified_on`
  OR _etl_t.`day` IS DISTINCT FROM _etl_s.`day`
  OR _etl_t.`end` IS DISTINCT FROM _etl_s.`end`
), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET
    `name` = _etl_s.`name`,
    `active` = _etl_s.`active`,
    `price` = _etl_s.`price`,
    `rate` = _etl_s.`rate`,
    `distance` = _etl_s.`distance`,
    `modified_on` = _etl_s.`modified_on`,
    `day` = _etl_s.`day`,
    `end` = _etl_s.`end`,
    `_etl_operation` = 'UPDATE',
    `_etl_synced` = @synced
WHEN NOT MATCHED BY TARGET AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) THEN
  INSERT (`id`, `name`, `active`, `price`, `rate`, `distance`, `modified_on`, `day`, `end`, `_etl_operation`, `_etl_synced`)
  VALUES (_etl_s.`id`, _etl_s.`name`, _etl_s.`active`, _etl_s.`price`, _etl_s.`rate`, _etl_s.`distance`, _etl_s.`modified_on`, _etl_s.`day`, _etl_s.`end`, IF(_etl_s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced)
WHEN NOT MATCHED BY SOURCE AND IF(_etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE', IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
