SELECT
  COUNTIF(s.`_etl_in_run` AND NOT s.`_etl_present_only`) AS staged,
  COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE') AS live,
  COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND s.`_etl_in_run` IS NULL) AS missing,
  COUNTIF(t.`_etl_operation` = 'DELETE' AND NOT s.`_etl_deleted` AND NOT s.`_etl_present_only`) AS restored,
  COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND s.`_etl_deleted` AND NOT s.`_etl_present_only`) AS marked,
  COUNTIF(t.`_etl_in_table` IS NULL AND s.`_etl_deleted` AND NOT s.`_etl_present_only`) AS born_deleted,
  COUNTIF(t.`_etl_in_table` AND (t.`_etl_operation` IS NULL OR t.`_etl_synced` IS NULL)) AS unlabelled,
  COUNTIF(s.`_etl_in_run` AND NOT s.`_etl_present_only` AND (
    t.`_etl_in_table` IS NULL OR s.`_etl_deleted` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' OR NOT s.`_etl_deleted` AND (
      t.`_etl_operation` = 'DELETE'
      OR TO_JSON_STRING(t.`address`) IS DISTINCT FROM TO_JSON_STRING(s.`address`)
      OR TO_JSON_STRING(t.`custom`) IS DISTINCT FROM TO_JSON_STRING(s.`custom`)
      OR TO_JSON_STRING(IFNULL(t.`tags`, [])) IS DISTINCT FROM TO_JSON_STRING(IFNULL(s.`tags`, []))
      OR TO_JSON_STRING(IFNULL(t.`items`, [])) IS DISTINCT FROM TO_JSON_STRING(IFNULL(s.`items`, []))
    )
  )) AS differ
FROM (SELECT `id`, `address`, `custom`, `tags`, `items`, `_etl_operation`, `_etl_synced`, TRUE AS `_etl_in_table`
  FROM `co-1.bronze.jobs` AS t) AS t
FULL JOIN (
  SELECT *, TRUE AS `_etl_in_run` FROM (
    SELECT
      s.`id` AS `id`,
      s.`address` AS `address`,
      PARSE_JSON(s.`custom`, wide_number_mode => 'round') AS `custom`,
      s.`tags` AS `tags`,
      ARRAY(SELECT IF(item_1 IS NULL, NULL, STRUCT(item_1.`price` AS `price`, PARSE_JSON(item_1.`extra`, wide_number_mode => 'round') AS `extra`, ARRAY(SELECT IF(item_2 IS NULL, NULL, STRUCT(PARSE_JSON(item_2.`note`, wide_number_mode => 'round') AS `note`)) FROM UNNEST(item_1.`parts`) AS item_2 WITH OFFSET AS position_2 ORDER BY position_2) AS `parts`)) FROM UNNEST(s.`items`) AS item_1 WITH OFFSET AS position_1 ORDER BY position_1) AS `items`,
      s.`_etl_deleted`,
      FALSE AS `_etl_present_only`
    FROM `co-1.staging.jobs__r1_3` AS s
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY s.`id` ORDER BY s.`_etl_sequence` DESC) = 1
    UNION ALL
    SELECT
      s.`id` AS `id`,
      CAST(NULL AS STRUCT<`street` STRING, `unit` INT64>) AS `address`,
      CAST(NULL AS JSON) AS `custom`,
      CAST(NULL AS ARRAY<STRING>) AS `tags`,
      CAST(NULL AS ARRAY<STRUCT<`price` NUMERIC, `extra` JSON, `parts` ARRAY<STRUCT<`note` JSON>>>>) AS `items`,
      FALSE AS `_etl_deleted`,
      TRUE AS `_etl_present_only`
    FROM (
      SELECT `id` FROM `co-1.staging.jobs__r1_1`
      UNION ALL
      SELECT `id` FROM `co-1.staging.jobs__r1_2`
    ) AS s
    WHERE NOT EXISTS (SELECT 1 FROM `co-1.staging.jobs__r1_3` AS later WHERE later.`id` = s.`id`)
    QUALIFY ROW_NUMBER() OVER (PARTITION BY s.`id`) = 1
  )
) AS s
ON t.`id` = s.`id`
