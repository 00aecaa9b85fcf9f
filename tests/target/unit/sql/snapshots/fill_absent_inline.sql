SELECT _etl_s.`id` AS `id`, _etl_s.`address`.value AS `address`, _etl_s.`custom`.value AS `custom`, _etl_s.`tags`.value AS `tags`, _etl_s.`items`.value AS `items`, 'INSERT' AS `_etl_operation`, @synced AS `_etl_synced`
FROM (
  SELECT
    _etl_s.`id` AS `id`,
    FIRST_VALUE(IF(SUBSTR(_etl_s.`_etl_absent`, 2, 1) = '1', NULL, STRUCT(IF(_etl_s.`address` IS NULL, NULL, STRUCT(_etl_s.`address`.`unit` AS `unit`, _etl_s.`address`.`street` AS `street`, ARRAY<STRING>[] AS `lines`)) AS value)) IGNORE NULLS) OVER _etl_latest AS `address`,
    FIRST_VALUE(IF(SUBSTR(_etl_s.`_etl_absent`, 3, 1) = '1', NULL, STRUCT(PARSE_JSON(_etl_s.`custom`, wide_number_mode => 'round') AS value)) IGNORE NULLS) OVER _etl_latest AS `custom`,
    FIRST_VALUE(IF(SUBSTR(_etl_s.`_etl_absent`, 4, 1) = '1', NULL, STRUCT(_etl_s.`tags` AS value)) IGNORE NULLS) OVER _etl_latest AS `tags`,
    FIRST_VALUE(IF(SUBSTR(_etl_s.`_etl_absent`, 5, 1) = '1', NULL, STRUCT(ARRAY(SELECT IF(_etl_item_1 IS NULL, NULL, STRUCT(_etl_item_1.`price` AS `price`, PARSE_JSON(_etl_item_1.`extra`, wide_number_mode => 'round') AS `extra`, ARRAY(SELECT IF(_etl_item_2 IS NULL, NULL, STRUCT(PARSE_JSON(_etl_item_2.`note`, wide_number_mode => 'round') AS `note`)) FROM UNNEST(_etl_item_1.`parts`) AS _etl_item_2 WITH OFFSET AS _etl_position_2 ORDER BY _etl_position_2) AS `parts`)) FROM UNNEST(_etl_s.`items`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS value)) IGNORE NULLS) OVER _etl_latest AS `items`,
    _etl_s.`_etl_deleted`,
    FALSE AS `_etl_present_only`
  FROM (
    SELECT
      CAST(JSON_VALUE(_etl_r, '$[0]') AS INT64) AS `id`,
      IF(JSON_VALUE(_etl_r, '$[1][0]') IS NULL, NULL, STRUCT(JSON_VALUE(_etl_r, '$[1][1]') AS `street`, CAST(JSON_VALUE(_etl_r, '$[1][2]') AS INT64) AS `unit`)) AS `address`,
      JSON_VALUE(_etl_r, '$[2]') AS `custom`,
      ARRAY(SELECT JSON_VALUE(_etl_item_1, '$') FROM UNNEST(JSON_QUERY_ARRAY(_etl_r, '$[3]')) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `tags`,
      ARRAY(SELECT IF(JSON_VALUE(_etl_item_1, '$[0]') IS NULL, NULL, STRUCT(CAST(JSON_VALUE(_etl_item_1, '$[1]') AS NUMERIC) AS `price`, JSON_VALUE(_etl_item_1, '$[2]') AS `extra`, ARRAY(SELECT IF(JSON_VALUE(_etl_item_2, '$[0]') IS NULL, NULL, STRUCT(JSON_VALUE(_etl_item_2, '$[1]') AS `note`)) FROM UNNEST(JSON_QUERY_ARRAY(_etl_item_1, '$[3]')) AS _etl_item_2 WITH OFFSET AS _etl_position_2 ORDER BY _etl_position_2) AS `parts`)) FROM UNNEST(JSON_QUERY_ARRAY(_etl_r, '$[4]')) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `items`,
      IFNULL(JSON_VALUE(_etl_r, '$[5]') = '1', FALSE) AS `_etl_deleted`,
      _etl_position AS `_etl_sequence`,
      JSON_VALUE(_etl_r, '$[6]') AS `_etl_absent`
    FROM UNNEST(JSON_QUERY_ARRAY(PARSE_JSON(@rows))) AS _etl_r WITH OFFSET AS _etl_position
  ) AS _etl_s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
  WINDOW _etl_latest AS (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
  UNION ALL
  SELECT
    _etl_s.`id` AS `id`,
    CAST(NULL AS STRUCT<value STRUCT<`unit` INT64, `street` STRING, `lines` ARRAY<STRING>>>) AS `address`,
    CAST(NULL AS STRUCT<value JSON>) AS `custom`,
    CAST(NULL AS STRUCT<value ARRAY<STRING>>) AS `tags`,
    CAST(NULL AS STRUCT<value ARRAY<STRUCT<`price` NUMERIC, `extra` JSON, `parts` ARRAY<STRUCT<`note` JSON>>>>>) AS `items`,
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
