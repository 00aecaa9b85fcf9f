SELECT
  COUNTIF(s.`_etl_in_run` AND NOT s.`_etl_present_only`) AS staged,
  COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE') AS live,
  COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND s.`_etl_in_run` IS NULL) AS missing,
  COUNTIF(t.`_etl_operation` = 'DELETE' AND NOT s.`_etl_deleted` AND NOT s.`_etl_present_only`) AS restored,
  COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND s.`_etl_deleted` AND NOT s.`_etl_present_only`) AS marked,
  COUNTIF(t.`_etl_in_table` IS NULL AND s.`_etl_deleted` AND NOT s.`_etl_present_only`) AS born_deleted,
  COUNTIF(t.`_etl_in_table` AND (t.`_etl_operation` IS NULL OR t.`_etl_synced` IS NULL)) AS unlabelled
FROM (SELECT `id`, `_etl_operation`, `_etl_synced`, TRUE AS `_etl_in_table`
  FROM `co-1.bronze.jobs` AS t) AS t
FULL JOIN (
  SELECT *, TRUE AS `_etl_in_run` FROM (
    SELECT
      s.`id` AS `id`,
      s.`_etl_deleted`,
      FALSE AS `_etl_present_only`
    FROM `co-1.staging.jobs__r1_3` AS s
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY s.`id` ORDER BY s.`_etl_sequence` DESC) = 1
    UNION ALL
    SELECT
      s.`id` AS `id`,
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
