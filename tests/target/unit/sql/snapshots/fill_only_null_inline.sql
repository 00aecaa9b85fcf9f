SELECT `id`, `name`, `tags`, `geo`, `address`, 'INSERT' AS `_etl_operation`, @synced AS `_etl_synced`
FROM (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`, `gone`) REPLACE (
      CAST(NULL AS STRING) AS `name`,
      ARRAY<STRING>[] AS `tags`,
      CAST(NULL AS STRUCT<`street` STRING, `unit` INT64>) AS `geo`,
      IF(_etl_s.`address` IS NULL, NULL, STRUCT(_etl_s.`address`.`street` AS `street`, _etl_s.`address`.`unit` AS `unit`, CAST(NULL AS DATE) AS `since`)) AS `address`
    ),
    FALSE AS `_etl_present_only`
  FROM (
    SELECT
      CAST(JSON_VALUE(_etl_r, '$[0]') AS INT64) AS `id`,
      JSON_VALUE(_etl_r, '$[1]') AS `gone`,
      JSON_VALUE(_etl_r, '$[2]') AS `name`,
      JSON_VALUE(_etl_r, '$[3]') AS `tags`,
      JSON_VALUE(_etl_r, '$[4]') AS `geo`,
      IF(JSON_VALUE(_etl_r, '$[5][0]') IS NULL, NULL, STRUCT(JSON_VALUE(_etl_r, '$[5][1]') AS `street`, CAST(JSON_VALUE(_etl_r, '$[5][2]') AS INT64) AS `unit`, JSON_VALUE(_etl_r, '$[5][3]') AS `unknown`, JSON_VALUE(_etl_r, '$[5][4]') AS `since`)) AS `address`,
      IFNULL(JSON_VALUE(_etl_r, '$[6]') = '1', FALSE) AS `_etl_deleted`,
      _etl_position AS `_etl_sequence`
    FROM UNNEST(JSON_QUERY_ARRAY(PARSE_JSON(@rows))) AS _etl_r WITH OFFSET AS _etl_position
  ) AS _etl_s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
  UNION ALL
  SELECT
    _etl_s.`id` AS `id`,
    CAST(NULL AS STRING) AS `name`,
    CAST(NULL AS ARRAY<STRING>) AS `tags`,
    CAST(NULL AS STRUCT<`street` STRING, `unit` INT64>) AS `geo`,
    CAST(NULL AS STRUCT<`street` STRING, `unit` INT64, `since` DATE>) AS `address`,
    FALSE AS `_etl_deleted`,
    TRUE AS `_etl_present_only`
  FROM (
    SELECT `id` FROM `co-1.staging.jobs__r1_1`
    UNION ALL
    SELECT `id` FROM `co-1.staging.jobs__r1_2`
  ) AS _etl_s
  WHERE NOT EXISTS (SELECT 1 FROM `co-1.staging.jobs__r1_3` AS _etl_later WHERE _etl_later.`id` = _etl_s.`id`)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id`) = 1
) AS _etl_s
WHERE IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(EXISTS(SELECT 1 FROM `co-1.bronze.jobs` AS _etl_t), ERROR('etl: the new table has a row already'), TRUE)
