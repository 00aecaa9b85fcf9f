SELECT `id`, `address`, `items`, 'INSERT' AS `_etl_operation`, @synced AS `_etl_synced`
FROM (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`) REPLACE (
      IF(_etl_s.`address` IS NULL, NULL, STRUCT(ARRAY<STRING>[] AS `lines`, _etl_s.`address`.`unit` AS `unit`, _etl_s.`address`.`street` AS `street`)) AS `address`,
      ARRAY(SELECT IF(_etl_item_1 IS NULL, NULL, STRUCT(_etl_item_1.`Unit` AS `Unit`, CAST(NULL AS DATE) AS `gone`, _etl_item_1.`street` AS `street`)) FROM UNNEST(_etl_s.`items`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `items`
    )
  FROM `co-1.staging.jobs__r1_3` AS _etl_s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
) AS _etl_s
WHERE IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(EXISTS(SELECT 1 FROM `co-1.bronze.jobs` AS _etl_t), ERROR('etl: the new table has a row already'), TRUE)
