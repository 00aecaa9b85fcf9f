MERGE `co-1.bronze.jobs` AS t
USING (
  SELECT
    s.`id` AS `id`,
    s.`name` AS `name`,
    s.`active` AS `active`,
    s.`price` AS `price`,
    s.`rate` AS `rate`,
    s.`distance` AS `distance`,
    s.`modified_on` AS `modified_on`,
    s.`day` AS `day`,
    s.`end` AS `end`,
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
  OR t.`name` IS DISTINCT FROM s.`name`
  OR t.`active` IS DISTINCT FROM s.`active`
  OR t.`price` IS DISTINCT FROM s.`price`
  OR t.`rate` IS DISTINCT FROM s.`rate`
  OR t.`distance` IS DISTINCT FROM s.`distance`
  OR t.`modified_on` IS DISTINCT FROM s.`modified_on`
  OR t.`day` IS DISTINCT FROM s.`day`
  OR t.`end` IS DISTINCT FROM s.`end`
), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(t.`_etl_synced` > @began AND t.`_etl_synced` NOT IN UNNEST(@own_times) AND t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET
    `name` = s.`name`,
    `active` = s.`active`,
    `price` = s.`price`,
    `rate` = s.`rate`,
    `distance` = s.`distance`,
    `modified_on` = s.`modified_on`,
    `day` = s.`day`,
    `end` = s.`end`,
    `_etl_operation` = 'UPDATE',
    `_etl_synced` = @synced
WHEN NOT MATCHED BY TARGET AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) THEN
  INSERT (`id`, `name`, `active`, `price`, `rate`, `distance`, `modified_on`, `day`, `end`, `_etl_operation`, `_etl_synced`)
  VALUES (s.`id`, s.`name`, s.`active`, s.`price`, s.`rate`, s.`distance`, s.`modified_on`, s.`day`, s.`end`, IF(s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced)
WHEN NOT MATCHED BY SOURCE AND IF(t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND t.`_etl_synced` NOT IN UNNEST(@spared), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(t.`_etl_synced` > @began AND t.`_etl_synced` NOT IN UNNEST(@own_times) AND t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
