MERGE `co-1.bronze.jobs` AS t
USING (
  SELECT
    s.`day` AS `day`,
    s.`group` AS `group`,
    s.`weight` AS `weight`,
    s.`name` AS `name`,
    s.`_etl_deleted`
  FROM `co-1.staging.jobs__r1_3` AS s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY s.`group`, s.`day`, CAST(s.`weight` + 0 AS STRING) ORDER BY s.`_etl_sequence` DESC) = 1
) AS s
ON t.`group` = s.`group` AND t.`day` = s.`day` AND t.`weight` = s.`weight` AND t.`day` BETWEEN @first AND @last
WHEN MATCHED AND IF(s.`_etl_deleted` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE', IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(t.`_etl_synced` > @began AND t.`_etl_synced` NOT IN UNNEST(@own_times) AND t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
WHEN MATCHED AND IF(NOT s.`_etl_deleted` AND (
  t.`_etl_operation` = 'DELETE'
  OR t.`name` IS DISTINCT FROM s.`name`
), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(t.`_etl_synced` > @began AND t.`_etl_synced` NOT IN UNNEST(@own_times) AND t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET
    `name` = s.`name`,
    `_etl_operation` = 'UPDATE',
    `_etl_synced` = @synced
WHEN NOT MATCHED BY TARGET AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) THEN
  INSERT (`day`, `group`, `weight`, `name`, `_etl_operation`, `_etl_synced`)
  VALUES (s.`day`, s.`group`, s.`weight`, s.`name`, IF(s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced)
