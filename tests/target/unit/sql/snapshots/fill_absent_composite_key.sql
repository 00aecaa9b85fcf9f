SELECT _etl_s.`day`.value AS `day`, _etl_s.`group` AS `group`, _etl_s.`weight` AS `weight`, _etl_s.`name`.value AS `name`, 'INSERT' AS `_etl_operation`, @synced AS `_etl_synced`
FROM (
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
WHERE IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(EXISTS(SELECT 1 FROM `co-1.bronze.jobs` AS _etl_t), ERROR('etl: the new table has a row already'), TRUE)
