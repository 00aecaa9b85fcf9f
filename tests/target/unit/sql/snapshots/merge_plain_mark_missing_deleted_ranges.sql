MERGE `co-1.bronze.jobs` AS _etl_t
USING (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`)
  FROM `co-1.staging.jobs__r1_3` AS _etl_s
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
WHEN NOT MATCHED BY SOURCE AND IF(_etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND (_etl_t.`modified_on` < @swept_high_0 OR _etl_t.`modified_on` >= @swept_low_1 AND _etl_t.`modified_on` < @swept_high_1) AND _etl_t.`_etl_synced` NOT IN UNNEST(@spared), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
