SELECT `id`, `amount`, `rate`, `counts`, `address`, 'INSERT' AS `_etl_operation`, @synced AS `_etl_synced`
FROM (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`) REPLACE (
      CAST(_etl_s.`id` AS NUMERIC) AS `id`,
      CAST(_etl_s.`amount` AS FLOAT64) AS `amount`,
      CAST(_etl_s.`rate` AS BIGNUMERIC) AS `rate`,
      ARRAY(SELECT CAST(_etl_item_1 AS NUMERIC) FROM UNNEST(_etl_s.`counts`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `counts`,
      IF(_etl_s.`address` IS NULL, NULL, STRUCT(_etl_s.`address`.`street` AS `street`, CAST(_etl_s.`address`.`unit` AS FLOAT64) AS `unit`)) AS `address`
    )
  FROM `co-1.staging.jobs__r1_3` AS _etl_s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
) AS _etl_s
WHERE IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(EXISTS(SELECT 1 FROM `co-1.bronze.jobs` AS _etl_t), ERROR('etl: the new table has a row already'), TRUE)
