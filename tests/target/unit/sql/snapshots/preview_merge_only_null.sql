SELECT
  COUNTIF(_etl_s.`_etl_in_run` AND NOT _etl_s.`_etl_present_only`) AS staged,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE') AS live,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND _etl_s.`_etl_in_run` IS NULL) AS missing,
  COUNTIF(_etl_t.`_etl_operation` = 'DELETE' AND NOT _etl_s.`_etl_deleted` AND NOT _etl_s.`_etl_present_only`) AS restored,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND _etl_s.`_etl_deleted` AND NOT _etl_s.`_etl_present_only`) AS marked,
  COUNTIF(_etl_t.`_etl_in_table` IS NULL AND _etl_s.`_etl_deleted` AND NOT _etl_s.`_etl_present_only`) AS born_deleted,
  COUNTIF(_etl_t.`_etl_in_table` AND (_etl_t.`_etl_operation` IS NULL OR _etl_t.`_etl_synced` IS NULL)) AS unlabelled
FROM (SELECT `id`, `_etl_operation`, `_etl_synced`, TRUE AS `_etl_in_table`
  FROM `co-1.bronze.jobs` AS _etl_t) AS _etl_t
FULL JOIN (
  SELECT *, TRUE AS `_etl_in_run` FROM (
    SELECT
      _etl_s.`id` AS `id`,
      _etl_s.`_etl_deleted`,
      FALSE AS `_etl_present_only`
    FROM `co-1.staging.jobs__r1_3` AS _etl_s
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
    UNION ALL
    SELECT
      _etl_s.`id` AS `id`,
      FALSE AS `_etl_deleted`,
      TRUE AS `_etl_present_only`
    FROM (
      SELECT `id` FROM `co-1.staging.jobs__r1_1`
      UNION ALL
      SELECT `id` FROM `co-1.staging.jobs__r1_2`
    ) AS _etl_s
    WHERE NOT EXISTS (SELECT 1 FROM `co-1.staging.jobs__r1_3` AS _etl_later WHERE _etl_later.`id` = _etl_s.`id`)
    QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id`) = 1
  )
) AS _etl_s
ON _etl_t.`id` = _etl_s.`id`
