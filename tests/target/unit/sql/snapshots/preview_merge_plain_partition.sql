SELECT
  COUNTIF(s.`_etl_in_run`) AS staged,
  COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE') AS live,
  COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND s.`_etl_in_run` IS NULL) AS missing,
  COUNTIF(t.`_etl_operation` = 'DELETE' AND NOT s.`_etl_deleted`) AS restored,
  COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND s.`_etl_deleted`) AS marked,
  COUNTIF(t.`_etl_in_table` IS NULL AND s.`_etl_deleted`) AS born_deleted,
  COUNTIF(t.`_etl_in_table` AND (t.`_etl_operation` IS NULL OR t.`_etl_synced` IS NULL)) AS unlabelled
FROM (SELECT `id`, `_etl_operation`, `_etl_synced`, TRUE AS `_etl_in_table`
  FROM `co-1.bronze.jobs` AS t WHERE (t.`day` IS NULL OR t.`day` IS NOT NULL)) AS t
FULL JOIN (
  SELECT *, TRUE AS `_etl_in_run` FROM (
    SELECT
      s.`id` AS `id`,
      s.`_etl_deleted`
    FROM `co-1.staging.jobs__r1_3` AS s
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY s.`id` ORDER BY s.`_etl_sequence` DESC) = 1
  )
) AS s
ON t.`id` = s.`id`
