SELECT
  COUNTIF(s.`_etl_in_run`) AS staged,
  COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE') AS live,
  COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND s.`_etl_in_run` IS NULL) AS missing,
  COUNTIF(t.`_etl_operation` = 'DELETE' AND NOT s.`_etl_deleted`) AS restored,
  COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND s.`_etl_deleted`) AS marked,
  COUNTIF(t.`_etl_in_table` IS NULL AND s.`_etl_deleted`) AS born_deleted,
  COUNTIF(t.`_etl_in_table` AND (t.`_etl_operation` IS NULL OR t.`_etl_synced` IS NULL)) AS unlabelled,
  COUNTIF(s.`_etl_in_run` AND (
    t.`_etl_in_table` IS NULL OR s.`_etl_deleted` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' OR NOT s.`_etl_deleted` AND (
      t.`_etl_operation` = 'DELETE'
      OR TO_JSON_STRING(IF(t.`address` IS NULL, NULL, STRUCT(t.`address`.`street` AS `street`, t.`address`.`unit` AS `unit`, IF(t.`address`.`geo` IS NULL, NULL, STRUCT(t.`address`.`geo`.`LAT` AS `LAT`)) AS `geo`))) IS DISTINCT FROM TO_JSON_STRING(IF(s.`address` IS NULL, NULL, STRUCT(s.`address`.`street` AS `street`, s.`address`.`unit` AS `unit`, IF(s.`address`.`geo` IS NULL, NULL, STRUCT(s.`address`.`geo`.`LAT` AS `LAT`)) AS `geo`)))
      OR TO_JSON_STRING(ARRAY(SELECT IF(item_1 IS NULL, NULL, STRUCT(item_1.`street` AS `street`, item_1.`unit` AS `unit`)) FROM UNNEST(t.`items`) AS item_1 WITH OFFSET AS position_1 ORDER BY position_1)) IS DISTINCT FROM TO_JSON_STRING(ARRAY(SELECT IF(item_1 IS NULL, NULL, STRUCT(item_1.`street` AS `street`, item_1.`unit` AS `unit`)) FROM UNNEST(s.`items`) AS item_1 WITH OFFSET AS position_1 ORDER BY position_1))
    )
  )) AS differ
FROM (SELECT `id`, `address`, `items`, `_etl_operation`, `_etl_synced`, TRUE AS `_etl_in_table`
  FROM `co-1.bronze.jobs` AS t) AS t
FULL JOIN (
  SELECT *, TRUE AS `_etl_in_run` FROM (
    SELECT
      s.`id` AS `id`,
      IF(s.`address` IS NULL, NULL, STRUCT(s.`address`.`street` AS `street`, s.`address`.`unit` AS `unit`, ARRAY<STRING>[] AS `lines`, IF(s.`address`.`geo` IS NULL, NULL, STRUCT(s.`address`.`geo`.`LAT` AS `LAT`, CAST(NULL AS BYTES) AS `id`)) AS `geo`, CAST(NULL AS DATETIME) AS `since`)) AS `address`,
      ARRAY(SELECT IF(item_1 IS NULL, NULL, STRUCT(CAST(NULL AS STRUCT<`id` GEOGRAPHY>) AS `spans`, item_1.`street` AS `street`, item_1.`unit` AS `unit`)) FROM UNNEST(s.`items`) AS item_1 WITH OFFSET AS position_1 ORDER BY position_1) AS `items`,
      s.`_etl_deleted`
    FROM `co-1.staging.jobs__r1_3` AS s
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY s.`id` ORDER BY s.`_etl_sequence` DESC) = 1
  )
) AS s
ON t.`id` = s.`id`
