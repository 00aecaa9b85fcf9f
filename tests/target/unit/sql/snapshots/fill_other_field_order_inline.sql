SELECT `id`, `address`, `items`, 'INSERT' AS `_etl_operation`, @synced AS `_etl_synced`
FROM (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`) REPLACE (
      IF(_etl_s.`address` IS NULL, NULL, STRUCT(ARRAY<STRING>[] AS `lines`, _etl_s.`address`.`unit` AS `unit`, _etl_s.`address`.`street` AS `street`)) AS `address`,
      ARRAY(SELECT IF(_etl_item_1 IS NULL, NULL, STRUCT(_etl_item_1.`Unit` AS `Unit`, CAST(NULL AS DATE) AS `gone`, _etl_item_1.`street` AS `street`)) FROM UNNEST(_etl_s.`items`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `items`
    )
  FROM (
    SELECT
      CAST(JSON_VALUE(_etl_r, '$[0]') AS INT64) AS `id`,
      IF(JSON_VALUE(_etl_r, '$[1][0]') IS NULL, NULL, STRUCT(JSON_VALUE(_etl_r, '$[1][1]') AS `street`, CAST(JSON_VALUE(_etl_r, '$[1][2]') AS INT64) AS `unit`)) AS `address`,
      ARRAY(SELECT IF(JSON_VALUE(_etl_item_1, '$[0]') IS NULL, NULL, STRUCT(JSON_VALUE(_etl_item_1, '$[1]') AS `street`, CAST(JSON_VALUE(_etl_item_1, '$[2]') AS INT64) AS `unit`)) FROM UNNEST(JSON_QUERY_ARRAY(_etl_r, '$[2]')) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `items`,
      IFNULL(JSON_VALUE(_etl_r, '$[3]') = '1', FALSE) AS `_etl_deleted`,
      _etl_position AS `_etl_sequence`
    FROM UNNEST(JSON_QUERY_ARRAY(PARSE_JSON(@rows))) AS _etl_r WITH OFFSET AS _etl_position
  ) AS _etl_s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
) AS _etl_s
WHERE IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(EXISTS(SELECT 1 FROM `co-1.bronze.jobs` AS _etl_t), ERROR('etl: the new table has a row already'), TRUE)
