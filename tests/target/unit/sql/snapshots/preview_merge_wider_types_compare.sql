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
      OR t.`amount` IS DISTINCT FROM s.`amount`
      OR t.`rate` IS DISTINCT FROM s.`rate`
      OR TO_JSON_STRING(IFNULL(t.`counts`, [])) IS DISTINCT FROM TO_JSON_STRING(IFNULL(s.`counts`, []))
      OR TO_JSON_STRING(t.`address`) IS DISTINCT FROM TO_JSON_STRING(s.`address`)
    )
  )) AS differ
FROM (SELECT `id`, `amount`, `rate`, `counts`, `address`, `_etl_operation`, `_etl_synced`, TRUE AS `_etl_in_table`
  FROM `co-1.bronze.jobs` AS t) AS t
FULL JOIN (
  SELECT *, TRUE AS `_etl_in_run` FROM (
    SELECT
      CAST(s.`id` AS NUMERIC) AS `id`,
      CAST(s.`amount` AS FLOAT64) AS `amount`,
      CAST(s.`rate` AS BIGNUMERIC) AS `rate`,
      ARRAY(SELECT CAST(item_1 AS NUMERIC) FROM UNNEST(s.`counts`) AS item_1 WITH OFFSET AS position_1 ORDER BY position_1) AS `counts`,
      IF(s.`address` IS NULL, NULL, STRUCT(s.`address`.`street` AS `street`, CAST(s.`address`.`unit` AS FLOAT64) AS `unit`)) AS `address`,
      s.`_etl_deleted`
    FROM `co-1.staging.jobs__r1_3` AS s
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY s.`id` ORDER BY s.`_etl_sequence` DESC) = 1
  )
) AS s
ON t.`id` = s.`id`
